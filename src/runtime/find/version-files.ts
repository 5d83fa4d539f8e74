import { baseNameOf, type ImagePath, imagePath, isWithin, parentOf } from '../../base/image-path.ts';
import type { FileTree } from '../../tree/file-tree.ts';
import { walkTree } from '../../tree/walk-tree.ts';
import { contentIn, realFileAt, type TreeSource } from '../tree-source.ts';

/** A version as a file of the installation states it. */
export interface StatedVersion {
  readonly text: string;
  readonly file: ImagePath;
}

/** A kind of file that states the version: which files of the tree, and where in their text. */
interface VersionFile {
  readonly isAt: (path: ImagePath, prefix: ImagePath) => boolean;
  readonly read: (text: string) => string | undefined;
}

const versionPattern = String.raw`v?(\d+\.\d+[\w.~+-]*)`;

function firstMatch(pattern: string): (text: string) => string | undefined {
  return (text) => new RegExp(pattern, 'm').exec(text)?.[1];
}

/**
 * Most trusted first. The launchers print `Gramine VERSION (COMMIT)`; the Python package holds the build's version in
 * `__init__.py` and, in some builds, in its dist-info; Meson writes the project's version into pkg-config files that
 * do not name it themselves (those of RA-TLS and secret provisioning; `mbedtls_gramine.pc` has Mbed TLS's); dpkg knows its
 * package. The RPM database is not read: the RPM package has the Python files.
 */
const versionFiles: readonly VersionFile[] = [
  {
    isAt: (path, prefix) =>
      ['gramine-sgx', 'gramine-direct'].includes(baseNameOf(path)) &&
      parentOf(path) === imagePath(`${prefix}/bin`),
    read: firstMatch(String.raw`(?:\bGramine["' ]+|\bVERSION=["']?)${versionPattern}`),
  },
  {
    isAt: (path, prefix) => isWithin(path, prefix) && path.endsWith('/graminelibos/__init__.py'),
    read: firstMatch(`^__version__ *= *["']${versionPattern}["']`),
  },
  {
    isAt: (path, prefix) =>
      isWithin(path, prefix) && /\/graminelibos(-[^/]*)?\.(dist|egg)-info\/(METADATA|PKG-INFO)$/.test(path),
    read: firstMatch(`^Version: *${versionPattern}`),
  },
  {
    isAt: (path, prefix) =>
      isWithin(path, prefix) && /\/pkgconfig\/(ra_tls|secret_prov)_gramine\.pc$/.test(path),
    read: firstMatch(`^Version: *${versionPattern}`),
  },
  {
    isAt: (path) => path === '/var/lib/dpkg/status',
    read: (text) =>
      text
        .split(/\n{2,}/)
        .filter((stanza) => /^Package: gramine$/m.test(stanza) && /^Status: .* installed$/m.test(stanza))
        .map(firstMatch(String.raw`^Version: *(?:\d+:)?${versionPattern}`))[0],
  },
];

/** A file that may state the version, most trusted first among its like. */
export interface VersionCandidate {
  readonly file: ImagePath;
  /** Where its content lies. */
  readonly real: ImagePath;
  readonly read: (text: string) => string | undefined;
}

/** The files around a package directory that may state its version, most trusted first. */
export function listVersionFiles(tree: FileTree, packageDirectory: ImagePath): readonly VersionCandidate[] {
  const prefix = prefixOf(packageDirectory);
  const isPackaged = prefix === '/usr' || prefix === '/';
  const kinds = isPackaged ? versionFiles : versionFiles.slice(0, -1);
  const files = [...walkTree(tree)].flatMap(({ path, node }) => (node.kind === 'directory' ? [] : [path]));
  return kinds.flatMap(({ isAt, read }) =>
    files
      .filter((file) => isAt(file, prefix))
      .flatMap((file) => {
        const real = realFileAt(tree, file)?.path;
        return real === undefined ? [] : [{ file, real, read }];
      }),
  );
}

/** What the first of the files that states a version says; undefined if none does. */
export async function readStatedVersion(
  source: TreeSource,
  candidates: readonly VersionCandidate[],
): Promise<StatedVersion | undefined> {
  const contents = await source.readFiles(candidates.map(({ real }) => real));
  for (const { file, real, read } of candidates) {
    const text = read(contentIn(contents, real).toString('latin1'));
    if (text !== undefined) return { text, file };
  }
  return undefined;
}

/** `<prefix>` of `<prefix>/<libdir>/<name>`; the directory's parent if its place has no such form. */
export function prefixOf(packageDirectory: ImagePath): ImagePath {
  const parent = parentOf(packageDirectory);
  const match = /^(.*?)\/(?:lib\/x86_64-linux-gnu|lib64|lib)$/.exec(parent);
  return match ? imagePath(match[1] ?? '') : parent;
}
