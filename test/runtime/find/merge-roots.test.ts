import { describe, expect, test } from 'vitest';
import { imagePath } from '../../../src/base/image-path.ts';
import { findRuntime } from '../../../src/runtime/find/find-runtime.ts';
import { mergeRoots } from '../../../src/runtime/find/merge-roots.ts';
import { type Runtime, runtimeDigest } from '../../../src/runtime/runtime.ts';
import { realFileAt } from '../../../src/runtime/tree-source.ts';
import {
  type Files,
  hostLibraries,
  installation,
  packageFiles,
  treeOf,
} from '../../support/runtime/make-tree.ts';

function find(...roots: readonly Files[]): Promise<Runtime> {
  const { tree, readFiles } = mergeRoots(roots.map(treeOf));
  return findRuntime(tree, readFiles, { subject: 'several', packageVersion: '1.9' });
}

/** What each path leads to. */
async function read(roots: readonly Files[], ...paths: readonly string[]): Promise<readonly unknown[]> {
  const { tree, readFiles } = mergeRoots(roots.map(treeOf));
  const files = paths.map((path) => realFileAt(tree, path)?.path);
  const contents = await readFiles(files.filter((path) => path !== undefined));
  return files.map((path) => path && contents.get(imagePath(path))?.toString());
}

describe('files', () => {
  test('of earlier roots stay, later ones add theirs', async () => {
    const roots = [
      { '/a': 'first', '/d/x': '1' },
      { '/a': 'second', '/b': 'second', '/d/y': '2' },
      { '/b': 'third', '/c': 'third' },
    ];
    expect(await read(roots, '/a', '/b', '/c', '/d/x', '/d/y', '/e')).toEqual([
      'first',
      'second',
      'third',
      '1',
      '2',
      undefined,
    ]);
  });

  test('of equal content in several roots are read from each', async () => {
    expect(await read([{ '/a': 'same' }, { '/b': 'same', '/a': 'x' }], '/a', '/b')).toEqual(['same', 'same']);
  });

  test.each<[string, Files, Files]>([
    [
      'a link first, a directory later',
      { '/lib': { link: 'usr/lib' }, '/usr/lib/a': 'a' },
      { '/lib/b': 'b' },
    ],
    [
      'a directory first, a link later',
      { '/lib/a': 'a' },
      { '/lib': { link: 'usr/lib' }, '/usr/lib/b': 'b' },
    ],
    [
      'the same link in both',
      { '/lib': { link: 'usr/lib' }, '/usr/lib/a': 'a' },
      { '/lib': { link: 'usr/lib' }, '/usr/lib/b': 'b' },
    ],
    [
      'a link to nothing first',
      { '/lib': { link: 'usr/lib' }, '/lib2/a': '', '/usr/lib/a': 'a' },
      { '/usr/lib/b': 'b' },
    ],
  ])('are found through directories and links alike: %s', async (_, first, later) => {
    expect(await read([first, later], '/lib/a', '/lib/b')).toEqual(['a', 'b']);
  });

  test('that stand where the other has a directory, or below what is a file there, do not get in', async () => {
    const roots = [
      { '/a/x': 'x', '/b': 'b' },
      { '/a': 'file', '/b/y': 'y', '/c': 'c' },
    ];
    expect(await read(roots, '/a/x', '/a', '/b', '/b/y', '/c')).toEqual([
      'x',
      undefined,
      'b',
      undefined,
      'c',
    ]);
  });

  test('through links that form loops are left alone', async () => {
    const roots = [
      { '/l': { link: 'l' }, '/d/x': 'x' },
      { '/l/y': 'y', '/d': { link: '/e' }, '/e': { link: '/d' } },
    ];
    expect(await read(roots, '/d/x', '/l/y')).toEqual(['x', undefined]);
  });
});

describe('a runtime', () => {
  const expected = find(installation());
  const gramine = packageFiles('/usr/lib/x86_64-linux-gnu/gramine');
  const { '/lib': _, ...unmerged } = hostLibraries;

  test.each<[string, readonly Files[]]>([
    ['a package and the libraries of another', [gramine, hostLibraries]],
    ['libraries first', [hostLibraries, gramine]],
    ['the package directory alone, and a root', [packageFiles(''), hostLibraries]],
    [
      'a prefix whose lib stands where the root has a link',
      [packageFiles('/lib/x86_64-linux-gnu/gramine'), hostLibraries],
    ],
    ['a prefix with lib64', [packageFiles('/lib64/gramine'), hostLibraries]],
    [
      'packages from before /lib became a link',
      [
        gramine,
        Object.fromEntries(
          Object.entries(unmerged).map(([path, file]) => [path.replace(/^\/usr\/lib\//, '/lib/'), file]),
        ),
      ],
    ],
    [
      'each part on its own',
      [...Object.entries(gramine), ...Object.entries(hostLibraries)].map((part) =>
        Object.fromEntries([part]),
      ),
    ],
  ])('is the same from %s', async (_name, roots) => {
    expect(runtimeDigest(await find(...roots))).toBe(runtimeDigest(await expected));
  });

  test('without its libraries names the one that is missing, and how to give it', async () => {
    await expect(find(gramine)).rejects.toMatchObject({
      code: 'runtime',
      message: expect.stringMatching(/sgx\/loader: needs (\S*ld-linux-x86-64\.so\.2|libprotobuf-c\.so\.1)/),
      hint: expect.stringContaining('--runtime'),
    });
  });
});
