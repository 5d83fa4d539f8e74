import { type ImagePath, isWithin } from '../base/image-path.ts';
import { hostPathOf, mountOf, readMounts } from '../manifest/files/mounts.ts';
import type { TomlTable } from '../manifest/toml/toml.ts';
import { runtimePlacesOf } from '../runtime/places.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { FileNode, FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';

/** What a program inside finds under a name, as far as the image tells. `path` is the name on the host, mounts replaced. */
export type InsideFile =
  | { readonly kind: 'image'; readonly path: ImagePath; readonly node: FileNode }
  | { readonly kind: 'runtime'; readonly path: ImagePath }
  /** Storage of the enclave's own, or what the host may put there: only a container tells. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'missing' };

export interface InsideParts {
  readonly tree: FileTree;
  readonly runtime: Runtime;
  readonly isAllowed: (path: ImagePath) => boolean;
}

/** Looks at an image through the mounts of a manifest, which need not be complete. */
export function insideView(
  manifest: TomlTable,
  { tree, runtime, isAllowed }: InsideParts,
): (path: ImagePath) => InsideFile {
  const mounts = readMounts(manifest);
  return (path) => {
    const mount = mountOf(path, mounts);
    if (mount === undefined || mount.type === 'tmpfs') return { kind: 'missing' };
    const host = hostPathOf(path, mount);
    if (host === undefined) return { kind: 'unknown' };
    if (isWithin(host, runtimePlacesOf(runtime.version).packageDirectory)) {
      return runtime.files.some((file) => file.path === host)
        ? { kind: 'runtime', path: host }
        : { kind: 'missing' };
    }
    if (isAllowed(host)) return { kind: 'unknown' };
    const found = resolvePath(tree, host);
    if (found.kind !== 'found' || found.node.kind !== 'file') return { kind: 'missing' };
    return { kind: 'image', path: host, node: found.node };
  };
}
