import { describe, expect, it } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { lookup } from '../../src/tree/resolve-path.ts';
import {
  directory,
  fifo,
  file,
  hardlink,
  linesOf,
  opaque,
  symlink,
  whiteout,
} from '../support/tree/layer-stack.ts';

function merged(...layers: readonly LayerEntry[][]): readonly string[] {
  return linesOf(mergeLayers(layers)).slice(1);
}

describe('entries', () => {
  it('no layers give an empty root', () => {
    expect(linesOf(mergeLayers([]))).toEqual(['/']);
  });

  it('missing parents are implied with mode 0755', () => {
    expect(merged([file('/a/b/c', 'x')])).toEqual(['/a/ 755', '/a/b/ 755', '/a/b/c = x']);
  });

  it('an entry for an implied parent gives it its metadata, keeping the children', () => {
    expect(merged([file('/a/b', 'x'), directory('/a', 0o700)])).toEqual(['/a/ 700', '/a/b = x']);
  });

  it('an entry for the root sets the metadata of the root', () => {
    expect(mergeLayers([[directory('/', 0o700)]]).root.mode).toBe(0o700);
  });

  it('of a name given twice in one layer the last wins', () => {
    expect(merged([file('/a', '1'), file('/a', '2')])).toEqual(['/a = 2']);
  });

  it('a file in an upper layer replaces the lower one', () => {
    expect(merged([file('/a', '1')], [file('/a', '2')])).toEqual(['/a = 2']);
  });

  it('a node knows the layer that its content comes from', () => {
    const tree = mergeLayers([[file('/a', '1'), file('/b', '1')], [file('/a', '2')]]);
    expect(lookup(tree, imagePath('/a'))?.layer).toBe(1);
    expect(lookup(tree, imagePath('/b'))?.layer).toBe(0);
  });

  it('devices and fifos are kept', () => {
    expect(merged([fifo('/f')])).toEqual(['/f fifo']);
  });
});

describe('type changes', () => {
  it('a file over a directory drops all below it', () => {
    expect(merged([file('/a/b/c')], [file('/a', 'x')])).toEqual(['/a = x']);
  });

  it('a link over a directory drops all below it', () => {
    expect(merged([file('/a/b')], [symlink('/a', 'z')])).toEqual(['/a -> z']);
  });

  it('a directory over a file replaces it', () => {
    expect(merged([file('/a', 'x')], [directory('/a')])).toEqual(['/a/ 755']);
  });

  it('a directory over a link to a directory replaces the link', () => {
    expect(merged([file('/usr/lib/x', '1'), symlink('/lib', 'usr/lib')], [directory('/lib')])).toEqual([
      '/lib/ 755',
      '/usr/ 755',
      '/usr/lib/ 755',
      '/usr/lib/x = 1',
    ]);
  });

  it('a directory over a directory keeps the children and takes the new metadata', () => {
    expect(merged([directory('/a', 0o755), file('/a/b', 'x')], [directory('/a', 0o700)])).toEqual([
      '/a/ 700',
      '/a/b = x',
    ]);
  });

  it('a parent that is no directory gives way to an implied one', () => {
    expect(merged([file('/a', 'x')], [file('/a/b', 'y')])).toEqual(['/a/ 755', '/a/b = y']);
    expect(merged([fifo('/a')], [file('/a/b', 'y')])).toEqual(['/a/ 755', '/a/b = y']);
  });
});

describe('whiteouts', () => {
  it('a whiteout removes the lower file', () => {
    expect(merged([file('/a'), file('/b', 'x')], [whiteout('/a')])).toEqual(['/b = x']);
  });

  it('a whiteout removes the lower directory with all below it', () => {
    expect(merged([file('/a/b/c')], [whiteout('/a')])).toEqual([]);
  });

  it('a whiteout removes a link and not its target', () => {
    expect(merged([file('/a', 'x'), symlink('/l', 'a')], [whiteout('/l')])).toEqual(['/a = x']);
  });

  it('a whiteout of what is not there does nothing', () => {
    expect(merged([file('/a', 'x')], [whiteout('/b')])).toEqual(['/a = x']);
  });

  it('a whiteout leaves its own layer alone, wherever it stands', () => {
    expect(merged([file('/a', '1')], [file('/a', '2'), whiteout('/a')])).toEqual(['/a = 2']);
    expect(merged([file('/a', '1')], [whiteout('/a'), file('/a', '2')])).toEqual(['/a = 2']);
  });

  it('a directory removed and made anew in one layer has only the new children, wherever the whiteout stands', () => {
    const lower = [directory('/a', 0o700), file('/a/old')];
    const result = ['/a/ 755', '/a/new = x'];
    expect(merged(lower, [whiteout('/a'), file('/a/new', 'x')])).toEqual(result);
    expect(merged(lower, [file('/a/new', 'x'), whiteout('/a')])).toEqual(result);
  });

  it('a directory entry keeps its metadata when its name is whited out in the same layer', () => {
    expect(merged([file('/a/old')], [directory('/a', 0o711), whiteout('/a')])).toEqual(['/a/ 711']);
  });

  it('a name whited out may come back in a higher layer', () => {
    expect(merged([file('/a', '1')], [whiteout('/a')], [file('/a', '3')])).toEqual(['/a = 3']);
  });

  it('the directory of a whiteout is implied', () => {
    expect(merged([], [whiteout('/a/b')])).toEqual(['/a/ 755']);
  });
});

describe('opaque directories', () => {
  it("opaque whiteout hides lower files, keeps its own layer's", () => {
    expect(merged([file('/a/old'), file('/b', 'x')], [opaque('/a'), file('/a/new', 'y')])).toEqual([
      '/a/ 755',
      '/a/new = y',
      '/b = x',
    ]);
  });

  it('opaque whiteout hides lower files when it comes after its own layer entries', () => {
    const lower = [file('/a/old'), file('/a/sub/old')];
    const upper = [file('/a/new', 'y'), file('/a/sub/new', 'z'), opaque('/a')];
    expect(merged(lower, upper)).toEqual(['/a/ 755', '/a/new = y', '/a/sub/ 755', '/a/sub/new = z']);
  });

  it('opaque whiteout keeps the metadata of the directory', () => {
    expect(merged([directory('/a', 0o700), file('/a/b')], [opaque('/a')])).toEqual(['/a/ 700']);
  });

  it('opaque whiteout hides the metadata of lower directories below it', () => {
    const lower = [directory('/a', 0o700), directory('/a/sub', 0o700)];
    expect(merged(lower, [file('/a/sub/new', 'z'), opaque('/a')])).toEqual([
      '/a/ 700',
      '/a/sub/ 755',
      '/a/sub/new = z',
    ]);
  });

  it('an opaque root hides all lower layers', () => {
    expect(merged([file('/a'), file('/b/c')], [file('/d', 'x'), opaque('/')])).toEqual(['/d = x']);
  });

  it('opaque whiteout of an absent directory makes it', () => {
    expect(merged([], [opaque('/a')])).toEqual(['/a/ 755']);
  });
});

describe('hard links', () => {
  it('a hard link inside a layer names the same file', () => {
    const tree = mergeLayers([[file('/a', 'x'), hardlink('/b', '/a')]]);
    expect(lookup(tree, imagePath('/b'))).toBe(lookup(tree, imagePath('/a')));
  });

  it('a hard link to a file of a lower layer keeps that layer as the place of the content', () => {
    const tree = mergeLayers([[file('/a', 'x')], [hardlink('/b', '/a')]]);
    expect(lookup(tree, imagePath('/b'))?.layer).toBe(0);
  });

  it('a hard link to a hard link names the first file', () => {
    expect(merged([file('/a', 'x'), hardlink('/b', '/a'), hardlink('/c', '/b')])).toEqual([
      '/a = x',
      '/b = x',
      '/c = x',
    ]);
  });

  it('a hard-linked file replaced in an upper layer leaves its other name untouched', () => {
    expect(merged([file('/a', '1'), hardlink('/b', '/a')], [file('/a', '2')])).toEqual(['/a = 2', '/b = 1']);
  });

  it('a hard-linked file removed in an upper layer leaves its other name untouched', () => {
    expect(merged([file('/a', '1'), hardlink('/b', '/a')], [whiteout('/a')])).toEqual(['/b = 1']);
  });

  it('a hard link to a symbolic link is that link again', () => {
    expect(merged([symlink('/a', 'nowhere'), hardlink('/b', '/a')])).toEqual([
      '/a -> nowhere',
      '/b -> nowhere',
    ]);
  });

  it('the directory of a hard link target may be reached through a link', () => {
    expect(merged([file('/usr/x', '1'), symlink('/l', 'usr')], [hardlink('/b', '/l/x')])[0]).toBe('/b = 1');
  });

  it('a hard link of the same layer outlives an opaque whiteout after it', () => {
    expect(merged([file('/x', '1'), file('/d/old')], [hardlink('/d/b', '/x'), opaque('/d')])).toEqual([
      '/d/ 755',
      '/d/b = 1',
      '/x = 1',
    ]);
  });

  it.each([
    ['that no layer has', [hardlink('/b', '/gone')], /layer 2: \/b: a hard link to \/gone/],
    ['that comes later in the layer', [hardlink('/b', '/later'), file('/later')], /hard link to \/later/],
    ['that is a directory', [directory('/d'), hardlink('/b', '/d')], /\/d, which is a directory/],
    ['that is the root', [hardlink('/b', '/')], /which is a directory/],
    ['that is itself', [file('/b'), hardlink('/b', '/b')], /hard link to \/b/],
    ['that a whiteout before it removed', [whiteout('/low'), hardlink('/b', '/low')], /hard link to \/low/],
    ['below what it replaces', [hardlink('/dir', '/dir/x')], /hard link to \/dir\/x/],
  ])('a hard link to a target %s is an error', (_, layer: LayerEntry[], message) => {
    expect(() => mergeLayers([[file('/low'), file('/dir/x')], layer])).toThrow(message);
  });
});

describe('links in the directory of an entry', () => {
  const usr = [file('/usr/lib/a', '1'), symlink('/lib', 'usr/lib')];

  it('an entry goes where the link leads', () => {
    expect(merged(usr, [file('/lib/b', '2')])).toEqual([
      '/lib -> usr/lib',
      '/usr/ 755',
      '/usr/lib/ 755',
      '/usr/lib/a = 1',
      '/usr/lib/b = 2',
    ]);
  });

  it('a whiteout acts where the link leads', () => {
    expect(merged(usr, [whiteout('/lib/a')])).toEqual(['/lib -> usr/lib', '/usr/ 755', '/usr/lib/ 755']);
  });

  it('an opaque whiteout acts where the link leads', () => {
    expect(merged(usr, [opaque('/lib')])).toEqual(['/lib -> usr/lib', '/usr/ 755', '/usr/lib/ 755']);
  });

  it('an absolute target counts from the root of the image', () => {
    expect(merged([symlink('/l', '/usr')], [file('/l/x', '1')])).toContain('/usr/x = 1');
  });

  it('a target that climbs above the root stops there', () => {
    expect(merged([symlink('/l', '../../../usr')], [file('/l/x', '1')])).toContain('/usr/x = 1');
  });

  it('a target that does not exist is made', () => {
    expect(merged([symlink('/l', 'a/b')], [file('/l/x', '1')])).toContain('/a/b/x = 1');
  });

  it('a target that is a file gives way', () => {
    expect(merged([symlink('/l', 'f'), file('/f', 'x')], [file('/l/x', '1')])).toContain('/f/x = 1');
  });

  it('a link given anew in the same layer leads to its new target', () => {
    expect(merged(usr, [symlink('/lib', 'opt'), file('/lib/b', '2')])).toContain('/opt/b = 2');
  });

  it('a loop of links is an error', () => {
    expect(() => mergeLayers([[symlink('/a', 'b'), symlink('/b', 'a')], [file('/a/x')]])).toThrow(
      /layer 2: \/a\/x: the links in its directory never end/,
    );
  });
});

describe('the root', () => {
  it.each([
    ['file', { ...file('/x'), path: imagePath('/') }],
    ['symlink', { ...symlink('/x', 'y'), path: imagePath('/') }],
    ['hardlink', hardlink('/', '/a')],
    ['whiteout', whiteout('/')],
  ] as [string, LayerEntry][])('as a %s is an error', (kind, entry) => {
    expect(() => mergeLayers([[entry]])).toThrow(`the root of an image cannot be a ${kind}`);
  });
});
