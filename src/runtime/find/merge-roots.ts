import { baseNameOf, type ImagePath, imagePath, parentOf } from '../../base/image-path.ts';
import type { LayerEntry } from '../../tree/entry.ts';
import type { FileTree, TreeNode } from '../../tree/file-tree.ts';
import { mergeLayers } from '../../tree/merge-layers.ts';
import { lookup, realComponents, resolvePath } from '../../tree/resolve-path.ts';
import { type NamedNode, walkTree } from '../../tree/walk-tree.ts';
import { contentIn, realFileAt, type TreeSource } from '../tree-source.ts';

/**
 * One tree of several: what the first has stays, each later one adds what is not there yet. Links to directories do not
 * stand in the way, on either side: where one root has `/lib` and the other has it as a link to `/usr/lib`, both contents
 * are found below `/lib`.
 */
export function mergeRoots(roots: readonly TreeSource[]): TreeSource {
  const [first, ...later] = roots;
  if (first === undefined) throw new RangeError('there is nothing to merge');
  if (later.length === 0) return first;
  const layers = [entriesOf(first.tree)];
  for (const { tree } of later) layers.push(additions(mergeLayers(layers), tree));
  return readingFrom(roots, mergeLayers(layers));
}

/** Directories are left out, so that none stands in the place of a link: what is in them implies them. */
function entriesOf(tree: FileTree): readonly LayerEntry[] {
  return [...walkTree(tree)].flatMap(({ path, node }) => entryOf(path, node));
}

function entryOf(path: ImagePath, node: TreeNode): readonly LayerEntry[] {
  switch (node.kind) {
    case 'file': {
      const { layer: _, ...facts } = node;
      return [{ ...facts, path }];
    }
    case 'symlink': {
      const { layer: _, ...facts } = node;
      return [{ ...facts, path }];
    }
    case 'directory':
    case 'special':
      return [];
  }
}

function additions(present: FileTree, tree: FileTree): readonly LayerEntry[] {
  return [...walkTree(tree)].flatMap((named) => {
    if (named.node.kind !== 'symlink' || lookup(present, named.path)?.kind !== 'directory') {
      return additionAt(present, named);
    }
    return [...belowLink(tree, named)].flatMap((below) => additionAt(present, below));
  });
}

function additionAt(present: FileTree, { path, node }: NamedNode): readonly LayerEntry[] {
  const parent = resolvePath(present, parentOf(path));
  const isBlocked = parent.kind === 'found' ? parent.node.kind !== 'directory' : parent.kind !== 'missing';
  const directory = realComponents(present.root, parentOf(path));
  if (isBlocked || directory === undefined || lookup(present, path) !== undefined) return [];
  // A layer's entries below a link of a lower layer would hide the link.
  return entryOf(imagePath(`/${[...directory, baseNameOf(path)].join('/')}`), node);
}

/** What a link to a directory leads to, under the link's own name. */
function* belowLink(tree: FileTree, { path }: NamedNode): Generator<NamedNode, void, undefined> {
  const target = resolvePath(tree, path);
  if (target.kind !== 'found' || target.node.kind !== 'directory') return;
  const prefix = target.path === '/' ? 0 : target.path.length;
  for (const { path: real, node } of walkTree(tree, target.path)) {
    yield { path: imagePath(`${path}${real.slice(prefix)}`), node };
  }
}

/** The layers of `tree` are the roots, in their order: a file is read where it came from, by its content. */
function readingFrom(roots: readonly TreeSource[], tree: FileTree): TreeSource {
  const places = roots.map(placesByContent);
  const readFiles = async (paths: readonly ImagePath[]) => {
    const contents = new Map<ImagePath, Buffer>();
    for (const [number, root] of roots.entries()) {
      const wanted = paths.flatMap((path) => {
        const node = realFileAt(tree, path)?.node;
        const place = node?.layer === number ? places[number]?.get(node.sha256) : undefined;
        return place === undefined ? [] : [{ path, place }];
      });
      if (wanted.length === 0) continue;
      const found = await root.readFiles(wanted.map(({ place }) => place));
      for (const { path, place } of wanted) contents.set(path, contentIn(found, place));
    }
    return contents;
  };
  return { tree: { ...tree, warnings: roots.flatMap((root) => root.tree.warnings) }, readFiles };
}

function placesByContent({ tree }: TreeSource): ReadonlyMap<string, ImagePath> {
  const places = new Map<string, ImagePath>();
  for (const { path, node } of walkTree(tree)) if (node.kind === 'file') places.set(node.sha256, path);
  return places;
}
