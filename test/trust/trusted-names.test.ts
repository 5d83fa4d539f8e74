import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { childOf, type ImagePath, imagePath, isWithin, rootPath } from '../../src/base/image-path.ts';
import type { FileTree } from '../../src/tree/file-tree.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { resolvePath } from '../../src/tree/resolve-path.ts';
import { selectTrustedFiles, type TrustedSelection } from '../../src/trust/trusted-files.ts';
import { file, symlink } from '../support/tree/layer-stack.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const target = fc.oneof(path, fc.constantFrom('.', '..', '../a', 'b', '../../c', '/'));

/** Trees with files (some directories hold enough of them for a mount), and links into all directions. */
const tree: fc.Arbitrary<FileTree> = fc
  .record({
    files: fc.array(path, { maxLength: 8 }),
    full: fc.array(path, { maxLength: 3 }),
    links: fc.array(fc.tuple(path, target), { maxLength: 6 }),
  })
  .map(({ files, full, links }) => {
    const many = full.flatMap((at) => Array.from({ length: 9 }, (_, i) => file(`${at}/f${i}`, `${at}${i}`)));
    // Links whose place is not reached through another link: those would be errors or go elsewhere.
    const free = links.filter(([at], i) => !links.some(([to], j) => i !== j && at.startsWith(`${to}/`)));
    return mergeLayers([
      [...files.map((at) => file(at, at)), ...many, ...free.map(([at, to]) => symlink(at, to))],
    ]);
  });

describe('selectTrustedFiles', () => {
  it('trusts nothing but names whose content is what the image has', () => {
    fc.assert(
      fc.property(tree, (made) => {
        const { trusted, mounts } = selectTrustedFiles(made, { subject: 'test' });
        for (const { path: at, sha256 } of trusted) {
          expect(resolvePath(made, at)).toMatchObject({ kind: 'found', node: { kind: 'file', sha256 } });
        }
        for (const mount of mounts) {
          expect(resolvePath(made, mount.path)).toMatchObject({ kind: 'found', path: mount.target });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('lets every file be opened under every name that goes through no link twice', () => {
    fc.assert(
      fc.property(tree, (made) => {
        const selection = selectTrustedFiles(made, { subject: 'test' });
        fc.pre(selection.notes.length === 0);
        const trusted = new Map(selection.trusted.map(({ path: at, sha256 }) => [at, sha256]));
        for (const { path: at, sha256 } of namesOf(made)) {
          expect([at, trusted.get(mounted(at, selection))]).toEqual([at, sha256]);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('gives the same for the same tree, whatever the order of its layers entries', () => {
    const entries = ['/b/x', '/a/y', '/a/x', '/c'].map((at) => file(at, at));
    const choose = (list: typeof entries) => selectTrustedFiles(mergeLayers([list]), { subject: 'test' });
    expect(choose(entries.toReversed())).toEqual(choose(entries));
  });
});

/** As the library OS sees a name: below the deepest mount it is another name on the host. */
function mounted(at: ImagePath, { mounts }: TrustedSelection): ImagePath {
  const deepest = mounts
    .filter((mount) => isWithin(at, mount.path))
    .reduce((best, mount) => (mount.path.length > best.path.length ? mount : best), {
      path: rootPath,
      target: rootPath,
    });
  return imagePath(`${deepest.target}/${at.slice(deepest.path.length)}`);
}

/** All names of files, through directory links as well; a link to where one has been already is not followed. */
function namesOf(made: FileTree): readonly { readonly path: ImagePath; readonly sha256: string }[] {
  const names: { path: ImagePath; sha256: string }[] = [];
  const enter = (at: ImagePath, passed: readonly ImagePath[]): void => {
    const here = resolvePath(made, at);
    if (here.kind !== 'found' || here.node.kind !== 'directory') return;
    for (const [child, node] of here.node.children) {
      const childPath = childOf(at, child);
      const found = resolvePath(made, childPath);
      if (found.kind !== 'found') continue;
      if (found.node.kind === 'file') names.push({ path: childPath, sha256: found.node.sha256 });
      if (node.kind === 'directory') enter(childPath, passed);
      if (node.kind !== 'symlink' || found.node.kind !== 'directory') continue;
      const places = [...passed, childOf(here.path, child)];
      if (!places.some((place) => isWithin(place, found.path))) enter(childPath, [...places, found.path]);
    }
  };
  enter(rootPath, []);
  return names;
}
