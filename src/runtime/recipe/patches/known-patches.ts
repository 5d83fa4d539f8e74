import { linearParsePatch } from './linear-parse.ts';
import { shaExtensionsPatch } from './sha-extensions.ts';
import type { SourcePatch } from './source-patch.ts';

/** The patches that gsc brings along. */
export const knownPatches: readonly SourcePatch[] = [linearParsePatch, shaExtensionsPatch];

/** What the sources of Gramine are built with where nothing else is said. */
export const defaultPatches: readonly SourcePatch[] = knownPatches;
