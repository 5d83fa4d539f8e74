import { describe, expect, it } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import {
  lookup,
  PathFinder,
  type ResolveOptions,
  resolvePath,
  showFailure,
} from '../../src/tree/resolve-path.ts';
import { file, symlink } from '../support/tree/layer-stack.ts';

const chain = Array.from({ length: 41 }, (_, i) =>
  symlink(`/chain/${i}`, i === 0 ? '/usr/lib/x' : `${i - 1}`),
);
const tree = mergeLayers([
  [
    file('/usr/lib/x', 'x'),
    symlink('/lib', 'usr/lib'),
    symlink('/abs', '/usr/lib/x'),
    symlink('/usr/lib/y', 'x'),
    symlink('/usr/up', '../../../lib'),
    symlink('/usr/lib/parent', '..'),
    symlink('/dangling', 'nowhere/at/all'),
    symlink('/a', 'b'),
    symlink('/b', 'a'),
    symlink('/self', 'self/x'),
    symlink('/empty', ''),
    symlink('/slash', 'usr/lib/x/'),
    ...chain,
  ],
]);

function resolved(path: string, options?: ResolveOptions): string {
  const resolution = resolvePath(tree, path, options);
  return resolution.kind === 'found' ? resolution.path : `${resolution.kind} ${resolution.at}`;
}

describe('resolvePath', () => {
  it.each([
    ['the root', '/', '/'],
    ['a plain path', '/usr/lib/x', '/usr/lib/x'],
    ['repeated slashes and dots', '//usr/./lib//x', '/usr/lib/x'],
    ['a relative target', '/lib/x', '/usr/lib/x'],
    ['an absolute target', '/abs', '/usr/lib/x'],
    ['links through links', '/usr/up/y', '/usr/lib/x'],
    ['.. after a link: the parent of its target', '/lib/../lib/x', '/usr/lib/x'],
    ['.. above the root', '/../../usr', '/usr'],
    ['a link to ..', '/usr/lib/parent/lib/parent', '/usr'],
    ['a trailing slash on a link to a directory', '/lib/', '/usr/lib'],
    ['40 links', '/chain/39', '/usr/lib/x'],
  ])('follows %s', (_, path, real) => {
    expect(resolved(path)).toBe(real);
  });

  it.each([
    ['a missing name', '/usr/lib/z', 'missing /usr/lib/z'],
    ['a missing name behind a link', '/lib/z/more', 'missing /usr/lib/z'],
    ['a dangling link', '/dangling', 'missing /nowhere'],
    ['an empty target', '/empty', 'missing /empty'],
    ['a file as a directory', '/lib/x/z', 'not-a-directory /usr/lib/x'],
    ['a file with a trailing slash', '/usr/lib/x/', 'not-a-directory /usr/lib/x'],
    ['a link whose target has a trailing slash', '/slash', 'not-a-directory /usr/lib/x'],
    ['.. after a file', '/lib/x/../x', 'not-a-directory /usr/lib/x'],
    ['a cycle', '/a', 'loop /a'],
    ['a link into itself', '/self', 'loop /self'],
    ['41 links', '/chain/40', 'loop /chain/0'],
  ])('reports %s', (_, path, result) => {
    expect(resolved(path)).toBe(result);
  });

  it('counts relative paths from a directory', () => {
    expect(resolved('x', { from: imagePath('/lib') })).toBe('/usr/lib/x');
    expect(resolved('../usr', { from: imagePath('/lib') })).toBe('missing /usr/usr');
  });

  it('stops at a link in the last component when told', () => {
    expect(resolved('/usr/up/y', { followLast: false })).toBe('/usr/lib/y');
    expect(resolved('/a', { followLast: false })).toBe('/a');
  });

  it('a path that is not found can be explained', () => {
    const failures = ['/nope', '/lib/x/y', '/a'].map((path) => resolvePath(tree, path));
    expect(failures.map((failure) => (failure.kind === 'found' ? '' : showFailure(failure)))).toEqual([
      'there is no nope in /',
      '/usr/lib/x is not a directory',
      'more than 40 links to follow, at /a',
    ]);
  });
});

describe('lookup', () => {
  it('follows links in directories and not the last', () => {
    expect(lookup(tree, imagePath('/lib/y'))).toMatchObject({ kind: 'symlink', target: 'x' });
    expect(lookup(tree, imagePath('/lib/nope'))).toBeUndefined();
  });
});

describe('PathFinder', () => {
  const places = ['/', '/usr', '/usr/lib', '/usr/lib/parent', '/usr/up', '/lib', '/a', '/chain', '/nowhere'];
  const names = ['', 'x', 'y', 'z', 'lib', 'parent', 'abs', 'dangling', 'self', 'empty', 'slash', '39', '40'];
  const paths = places.flatMap((place) => names.map((name) => imagePath(`${place}/${name}`)));

  it('finds what resolvePath finds, whatever it found before', () => {
    const finder = new PathFinder(tree);
    for (const path of [...paths, ...paths.toReversed()])
      expect(finder.resolve(path)).toEqual(resolvePath(tree, path));
  });
});
