import { baseNameOf, bytesOfText, childOf, type ImagePath, imagePath } from '../base/image-path.ts';
import { type TomlTable, valueAt } from '../manifest/toml.ts';
import { variableIn } from '../manifest/variable.ts';
import type { Start } from '../scan/find-start.ts';
import { type InsideParts, insideView } from './inside-view.ts';

/** The C library that the program which starts really gets. */
export type LoadedLibc =
  | { readonly kind: 'runtime' | 'image'; readonly directory: ImagePath }
  /** The host's LD_LIBRARY_PATH decides, or what a container has. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'static' }
  /** No directory has the loader: nothing starts. */
  | { readonly kind: 'missing' };

/** Where the library OS looks without LD_LIBRARY_PATH. LibOS, `find_interp`. */
const defaultDirectories = ['/lib', '/lib64'].map(imagePath);

/**
 * Finds the C library as the library OS does: the first directory of `LD_LIBRARY_PATH`, seen through the mounts, that has a
 * file with the name of the program's ELF interpreter.
 */
export function findLoadedLibc(manifest: TomlTable, start: Start, parts: InsideParts): LoadedLibc {
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
