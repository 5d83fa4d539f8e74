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

  it('a parent that is not a directory gives way to an implied one', () => {
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

  it('a directory removed and made again in one layer has only the new children, wherever the whiteout stands', () => {
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

  it('an entry goes where a link of the same layer leads', () => {
    expect(merged([...usr, file('/lib/b', '2')])).toEqual([
      '/lib -> usr/lib',
      '/usr/ 755',
      '/usr/lib/ 755',
      '/usr/lib/a = 1',
      '/usr/lib/b = 2',
    ]);
  });

  it('an entry below a link of a lower layer makes a directory that hides the link', () => {
    expect(merged(usr, [file('/lib/b', '2')])).toEqual([
      '/lib/ 755',
      '/lib/b = 2',
      '/usr/ 755',
      '/usr/lib/ 755',
      '/usr/lib/a = 1',
    ]);
  });

  it.each([
    ['a whiteout', whiteout('/lib/a')],
    ['an opaque whiteout', opaque('/lib')],
  ])('%s below a link of a lower layer leaves the target alone and makes an empty directory', (_, entry) => {
    expect(merged(usr, [entry])).toEqual(['/lib/ 755', '/usr/ 755', '/usr/lib/ 755', '/usr/lib/a = 1']);
  });

  it('an opaque whiteout acts where a link of the same layer leads', () => {
    const upper = [directory('/usr/lib'), symlink('/lib', 'usr/lib'), opaque('/lib')];
    expect(merged(usr, upper)).toEqual(['/lib -> usr/lib', '/usr/ 755', '/usr/lib/ 755']);
  });

  it('a whiteout acts where a link of the same layer leads', () => {
    const upper = [symlink('/lib', 'usr/lib'), whiteout('/lib/a')];
    expect(merged(usr, upper)).toEqual(['/lib -> usr/lib', '/usr/ 755', '/usr/lib/ 755']);
  });

  it('on the way of a link of the same layer, a link of a lower one is hidden', () => {
    const layers = [
      [file('/usr/lib64/a', '1'), symlink('/usr/lib', 'lib64')],
      [symlink('/lib', 'usr/lib'), file('/lib/b')],
    ];
    expect(merged(...layers)).toEqual([
      '/lib -> usr/lib',
      '/usr/ 755',
      '/usr/lib/ 755',
      '/usr/lib/b = ',
      '/usr/lib64/ 755',
      '/usr/lib64/a = 1',
    ]);
  });

  it('a hard link of the same layer to a link is followed like the link', () => {
    const layer = [...usr, hardlink('/lib64', '/lib'), file('/lib64/b', '2')];
    expect(merged(layer)).toContain('/usr/lib/b = 2');
  });

  it('an absolute target is relative to the root of the image', () => {
    expect(merged([symlink('/l', '/usr'), file('/l/x', '1')])).toContain('/usr/x = 1');
  });

  it('a target that climbs above the root stops there', () => {
    expect(merged([symlink('/l', '../../../usr'), file('/l/x', '1')])).toContain('/usr/x = 1');
  });

  it('a target that does not exist is made', () => {
    expect(merged([symlink('/l', 'a/b'), file('/l/x', '1')])).toContain('/a/b/x = 1');
  });

  it('a link given again in the same layer leads to its new target', () => {
    expect(merged([...usr, symlink('/lib', 'opt'), file('/lib/b', '2')])).toContain('/opt/b = 2');
  });

  it('a loop of links of the layer is an error', () => {
    expect(() => mergeLayers([[], [symlink('/a', 'b'), symlink('/b', 'a'), file('/a/x')]])).toThrow(
      /layer 2: \/a\/x: the links in its directory form a loop/,
    );
  });
});

describe('what tools disagree about', () => {
  const warningsOf = (...layers: readonly LayerEntry[][]) => mergeLayers(layers).warnings;
  const usr = [file('/usr/lib/a', '1'), symlink('/lib', 'usr/lib'), symlink('/lib64', '/lib')];
  const removable = [file('/d/low', 'L')];

  it('entries below links of lower layers are reported once for a layer, with the links', () => {
    expect(
      warningsOf(usr, [file('/lib/x'), file('/lib/y/z'), whiteout('/lib64/a')], [file('/lib/x')]),
    ).toEqual([
      'layer 2 has entries below /lib (a link to usr/lib), /lib64 (a link to /lib) of lower layers, without one for the ' +
        'link itself: unpacking tools disagree about it, gsc follows Docker, Podman and containerd on overlay file ' +
        'systems, where a new directory hides the link',
    ]);
  });

  it('of many links the first three are named', () => {
    const names = Array.from({ length: 9 }, (_, i) => `/l${i}`);
    const layers = [names.map((name) => symlink(name, 'usr')), names.map((name) => file(`${name}/x`))];
    expect(warningsOf(...layers)[0]).toContain(
      '/l0 (a link to usr), /l1 (a link to usr), /l2 (a link to usr) and 6 more of',
    );
  });

  it.each([
    ['removed', [whiteout('/d'), directory('/d'), file('/d/up')]],
    ['replaced by a file', [file('/d'), directory('/d')]],
    ['replaced by a link', [symlink('/d', 'e'), directory('/d'), file('/d/up')]],
  ] as [string, LayerEntry[]][])(
    'a directory that is %s, then given again shows what lies below, and that is told',
    (_, upper) => {
      expect(merged(removable, upper)).toContain('/d/low = L');
      expect(warningsOf(removable, upper)).toEqual([
        expect.stringMatching(
          /^layer 2 removes or replaces \/d, then recreates the directory without an opaque marker: /,
        ),
      ]);
    },
  );

  it.each([
    ['an entry for the directory before those below', usr, [directory('/lib'), file('/lib/x')]],
    ['a link given again before the entries below', usr, [symlink('/lib', 'usr/lib'), file('/lib/x')]],
    [
      'a directory removed, given again and opaque',
      removable,
      [whiteout('/d'), directory('/d'), opaque('/d')],
    ],
    ['a directory removed that lower layers do not have', removable, [whiteout('/e'), directory('/e')]],
    ['entries below what is a file in a lower layer', [file('/f')], [file('/f/x')]],
  ] as [string, LayerEntry[], LayerEntry[]][])('%s is not disputed', (_, lower, upper) => {
    expect(warningsOf(lower, upper)).toEqual([]);
  });
});

describe('what no engine unpacks', () => {
  const name255 = 'n'.repeat(255);
  /** A path of so many bytes, in names of 100 or fewer. */
  const pathOf = (bytes: number) => {
    const whole = `/${'d'.repeat(99)}`.repeat(Math.floor(bytes / 100));
    return `${whole}${bytes % 100 < 2 ? '' : `/${'e'.repeat((bytes % 100) - 1)}`}`;
  };

  it('names of 255 and paths of 4,095 bytes are the longest', () => {
    expect(pathOf(4095)).toHaveLength(4095);
    expect(merged([file(`/${name255}`), file(pathOf(4095)), symlink('/l', 't'.repeat(4095))])).toHaveLength(
      43,
    );
  });

  it.each([
    ['a name of 256 bytes', file(`/${name255}n/x`), /expected names of at most 255 bytes, got one of 256/],
    [
      'a whiteout of such a name',
      whiteout(`/a/${name255}n`),
      /expected names of at most 255 bytes, got one of 256/,
    ],
    ['a path of 4,096 bytes', file(pathOf(4096)), /expected a path of at most 4095 bytes, got 4096/],
    ['4,000 directories', file(`/${'d/'.repeat(4000)}f`), /expected a path of at most 4095 bytes, got 8002/],
    ['500,000 directories', directory(`${'/d'.repeat(500_000)}`), /at most 4095 bytes, got 1000000/],
    ['an opaque marker below as many', opaque(`${'/d'.repeat(4000)}`), /at most 4095 bytes, got 8000/],
    [
      'a target of 4,096 bytes',
      symlink('/l', 't'.repeat(4096)),
      /expected a target of at most 4095 bytes, got 4096/,
    ],
  ])('%s is an error that names the layer and shows the beginning of the path', (_, entry, message) => {
    const problem = () => mergeLayers([[], [entry]]);
    expect(problem).toThrow(message);
    expect(problem).toThrow(/^layer 2: \/.{1,200}…?: expected/);
  });

  it('a path that links of the layer make longer than that is an error', () => {
    const deep = pathOf(4000);
    const layer = [directory(deep), symlink('/l', deep), file(`/l${pathOf(300)}`)];
    expect(() => mergeLayers([layer])).toThrow(/expected a path of at most 4095 bytes, got 4300/);
  });
});

describe('a file below a file', () => {
  it.each([
    ['a file', file('/f')],
    ['a fifo', fifo('/f')],
    ['a hard link to a file', hardlink('/f', '/low')],
  ])('of the same layer, %s: the directory wins, and a warning says that engines refuse it', (_, below) => {
    const tree = mergeLayers([[file('/low')], [below, file('/f/x/y', 'z'), file('/f/w')]]);
    expect(linesOf(tree)).toEqual(['/', '/f/ 755', '/f/w = ', '/f/x/ 755', '/f/x/y = z', '/low = ']);
    expect(tree.warnings).toEqual([
      'layer 2 has entries below /f, which it first has as a file: container engines refuse it, gsc takes the directory',
    ]);
  });

  it('through a link of the same layer is reported under its real name', () => {
    const [warning] = mergeLayers([[symlink('/l', 'd/f'), file('/d/f'), file('/l/x')]]).warnings;
    expect(warning).toContain('layer 1 has entries below /d/f, which');
  });

  it('hides what lower layers have there', () => {
    expect(merged([file('/f/low')], [file('/f'), file('/f/x', '1')])).toEqual(['/f/ 755', '/f/x = 1']);
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
