import { describe, expect, it } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { walkTree } from '../../src/tree/walk-tree.ts';
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
