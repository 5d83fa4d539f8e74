import { GscError } from '../base/error.ts';
import {
  baseNameOf,
  bytesOfText,
  childOf,
  type ImagePath,
  imagePath,
  showBytes,
} from '../base/image-path.ts';
import { variableIn } from '../manifest/schema/variable.ts';
import { type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import { type InsideParts, insideView } from './inside-view.ts';
import { defaultDirectories } from './library-path.ts';

/** The C library that the program which starts really gets. */
export type LoadedLibc =
  | { readonly kind: 'runtime' | 'image'; readonly directory: ImagePath }
  /** The host's LD_LIBRARY_PATH decides, or what a container has. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'static' }
  /** No directory has the loader of the image's program, which does not start. */
  | { readonly kind: 'missing' };

export interface LoadedLibcParts extends InsideParts {
  readonly appName: string;
  readonly start: ContainerProcess;
  /** False if the user's manifest names another program than the image, which may have another loader. */
  readonly isImages: boolean;
}

/**
 * Finds the C library as the library OS does: the first directory of `LD_LIBRARY_PATH`, seen through the mounts, that has a
 * file with the name of the program's ELF interpreter. Throws an `entrypoint` error if the program that starts has none.
 */
export function findLoadedLibc(manifest: TomlTable, parts: LoadedLibcParts): LoadedLibc {
  const loaded = searchLibc(manifest, parts);
  if (loaded.kind !== 'missing' || !parts.isImages) return loaded;
  throw new GscError({
    code: 'entrypoint',
    subject: parts.appName,
    message: `no directory of LD_LIBRARY_PATH has the program's loader ${showBytes(parts.start.chain.loader?.name ?? '')}, seen through the mounts of the manifest`,
    hint: 'mount the directories of libraries as the image has them',
  });
}

function searchLibc(manifest: TomlTable, { start, ...parts }: LoadedLibcParts): LoadedLibc {
  if (start.chain.loader === undefined) return { kind: 'static' };
  const text = variableIn(manifest, 'LD_LIBRARY_PATH');
  if (text === undefined && valueAt(manifest, ['loader', 'env', 'LD_LIBRARY_PATH']) !== undefined) {
    return { kind: 'unknown' };
  }
  const lookInside = insideView(manifest, parts);
  const name = baseNameOf(start.chain.loader.name);
  for (const directory of directoriesIn(text)) {
    const { kind } = lookInside(childOf(directory, name));
    if (kind !== 'missing') return kind === 'unknown' ? { kind } : { kind, directory };
  }
  return { kind: 'missing' };
}

function directoriesIn(text: string | undefined): readonly ImagePath[] {
  if (text === undefined) return defaultDirectories;
  return text.split(':').map((part) => imagePath(bytesOfText(part)));
}
