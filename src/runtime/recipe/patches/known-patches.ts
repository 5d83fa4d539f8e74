import { linearParsePatch } from './linear-parse.ts';
import type { SourcePatch } from './source-patch.ts';

/** The patches that gsc brings along. */
export const knownPatches: readonly SourcePatch[] = [linearParsePatch];

/** What the sources of Gramine are built with where nothing else is said. */
export const defaultPatches: readonly SourcePatch[] = [linearParsePatch];
