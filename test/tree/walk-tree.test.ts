import { describe, expect, it } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import type { FileTree } from '../../src/tree/file-tree.ts';
import { LayerMerger, mergeLayers } from '../../src/tree/merge-layers.ts';
import { walkDifferent, walkTree } from '../../src/tree/walk-tree.ts';
import { file, symlink } from '../support/tree/layer-stack.ts';

const tree = mergeLayers([
  [file('/b/x'), file('/b-c'), file('/b.d/y'), file('/a'), file('/\xff'), symlink('/l', 'b'), file('/B')],
]);

function pathsFrom(from?: string): readonly string[] {
  return [...walkTree(tree, from === undefined ? undefined : imagePath(from))].map(({ path }) => path);
}

describe('walkTree', () => {
  it('goes depth first, with children in byte order', () => {
    expect(pathsFrom()).toEqual(['/', '/B', '/a', '/b', '/b/x', '/b-c', '/b.d', '/b.d/y', '/l', '/\xff']);
  });

  it('begins at a directory or file', () => {
    expect(pathsFrom('/b')).toEqual(['/b', '/b/x']);
    expect(pathsFrom('/a')).toEqual(['/a']);
  });

  it('names a link without following it', () => {
    expect(pathsFrom('/l')).toEqual(['/l']);
  });

  it('is empty where nothing is', () => {
    expect(pathsFrom('/nope')).toEqual([]);
  });

  it('goes as deep as a tree is', () => {
    const deep = mergeLayers([[file(`/${'d/'.repeat(2000)}f`)]]);
    expect([...walkTree(deep)]).toHaveLength(2002);
  });
});

describe('walkDifferent', () => {
  const merger = new LayerMerger((layer) => `layer ${layer}`);
  const add = (entries: readonly LayerEntry[]) => {
    for (const _ of merger.add(entries));
  };
  add([file('/b/x'), file('/b/y'), file('/c/d/z'), file('/e')]);
  const lower = merger.split();
  add([file('/b/y', 'other'), file('/f/g')]);

  const namesIn = (one: FileTree, other: FileTree) => [...walkDifferent(one, other)].map(({ path }) => path);

  it('leaves out what another tree has as the very same nodes', () => {
    expect(namesIn(merger.tree, lower)).toEqual(['/', '/b', '/b/y', '/f', '/f/g']);
    expect(namesIn(lower, merger.tree)).toEqual(['/', '/b', '/b/y']);
    expect(namesIn(lower, lower)).toEqual([]);
  });

  it('gives all of a tree that has nothing in common with the other, equal or not', () => {
    const equal = mergeLayers([[file('/b/x'), file('/b/y'), file('/c/d/z'), file('/e')]]);
    expect(namesIn(equal, lower)).toEqual([...walkTree(equal)].map(({ path }) => path));
  });
});
