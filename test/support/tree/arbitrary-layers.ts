import fc from 'fast-check';
import { imagePath } from '../../../src/base/image-path.ts';
import type { LayerEntry } from '../../../src/tree/entry.ts';
import { directory, file, hardlink, opaque, symlink, whiteout } from './layer-stack.ts';

const name = fc.constantFrom('a', 'b', 'c', '\xff');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const content = fc.constantFrom('', 'one', 'two', 'three');
const target = fc.constantFrom('a', '../b', '/c', '/a/b', '..', 'c/../a', '\xff');

/** Any entry, sensible or not, on few enough names that entries meet. */
export const layerEntry: fc.Arbitrary<LayerEntry> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(path, content).map(([at, text]) => file(at, text)) },
  {
    weight: 3,
    arbitrary: fc.tuple(path, fc.constantFrom(0o755, 0o700)).map(([at, mode]) => directory(at, mode)),
  },
  { weight: 2, arbitrary: fc.tuple(path, target).map(([at, to]) => symlink(at, to)) },
  { weight: 2, arbitrary: fc.tuple(path, path).map(([at, to]) => hardlink(at, to)) },
  { weight: 2, arbitrary: path.map(whiteout) },
  { weight: 1, arbitrary: path.map(opaque) },
);

/** A file system as a flat map: every path's parent is a directory of it. Directories are undefined. */
export type FlatTree = ReadonlyMap<string, string | undefined>;

/** File systems of directories and files. */
export const flatTree: fc.Arbitrary<FlatTree> = fc
  .array(fc.tuple(path, fc.option(content, { nil: undefined })), { maxLength: 12 })
  .map((items) => {
    const tree = new Map<string, string | undefined>();
    for (const [at, text] of items) {
      const parents = at
        .split('/')
        .slice(1, -1)
        .map((_, i, all) => `/${all.slice(0, i + 1).join('/')}`);
      if (tree.has(at) || parents.some((parent) => tree.get(parent) !== undefined)) continue;
      for (const parent of parents) tree.set(parent, undefined);
      tree.set(at, text);
    }
    return tree;
  });

/** The layer that turns one file system into another, as an engine's diff writes it. */
export function diffOf(from: FlatTree, to: FlatTree): LayerEntry[] {
  const removed = [...from.keys()].filter((at) => !to.has(at) && isDirectoryIn(to, imagePath(`${at}/..`)));
  const changed = [...to].filter(([at, text]) => !from.has(at) || from.get(at) !== text);
  return [
    ...removed.map(whiteout),
    ...changed
      .sort(([a], [b]) => a.length - b.length)
      .map(([at, text]) => (text === undefined ? directory(at) : file(at, text))),
  ];
}

function isDirectoryIn(tree: FlatTree, at: string): boolean {
  return at === '/' || (tree.has(at) && tree.get(at) === undefined);
}
