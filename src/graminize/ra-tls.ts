import { GscError } from '../base/error.ts';
import {
  baseNameOf,
  childOf,
  type ImagePath,
  imagePath,
  isWithin,
  parentOf,
  rootPath,
  showBytes,
} from '../base/image-path.ts';
import { parseElf } from '../elf/elf.ts';
import { dynamicLinksOf, interpreterOf } from '../elf/elf-dynamic.ts';
import { type Mount, mountOf } from '../manifest/files/mounts.ts';
import { hasPath } from '../runtime/installed-places.ts';
import type { CLibraryName } from '../runtime/package-directory.ts';
import { type Runtime, type RuntimeFile, runtimeFacts } from '../runtime/runtime.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { sortedNames, walkTree } from '../tree/walk-tree.ts';
import type { DirectoryMount } from '../trust/directory-links.ts';
import { engineFiles } from '../trust/exclusion-rules.ts';

/** The certificate that `gramine-ratls` makes before it starts the application, and where it puts it. Paths are in UTF-8. */
export interface RaTlsChoice {
  readonly certificate: ImagePath;
  readonly key: ImagePath;
  /** `pem` by default, with the label TRUSTED CERTIFICATE, which OpenSSL and what is built on it reads. */
  readonly format?: 'pem' | 'der';
}

/** `gramine-ratls` of a runtime, and the C library that it needs. */
export interface RaTlsProgram {
  readonly file: RuntimeFile;
  readonly cLibrary: CLibraryName;
  /** Where its libraries lie. */
  readonly libraries: ImagePath;
}

/** Throws a `runtime` error if the runtime lacks the program, its C library or another of its libraries. */
export function raTlsProgram(runtime: Runtime): RaTlsProgram {
  const file = runtime.raTls;
  if (file === undefined) throw lacks(runtime, 'gramine-ratls');
  const elf = parseElf(file.content, `${runtime.subject}: gramine-ratls`);
  const cLibrary = interpreterOf(elf)?.path.includes('ld-musl') ? 'musl' : 'glibc';
  const libraries = runtimeFacts(runtime).cLibraryDirectories[cLibrary];
  if (libraries === undefined) throw lacks(runtime, `${cLibrary}, which gramine-ratls needs`);
  for (const name of dynamicLinksOf(elf).needed) {
    // musl is one file, which is its loader too.
    if (cLibrary === 'musl' && name.startsWith('libc.')) continue;
    if (!hasPath(runtime, childOf(libraries, name)))
      throw lacks(runtime, `${showBytes(name)}, which gramine-ratls needs`);
  }
  return { file, cLibrary, libraries };
}

/** The words that start the application through `gramine-ratls`; `--`, as its getopt takes later options for its own. */
export function raTlsArguments({ certificate, key, format }: RaTlsChoice): readonly ImagePath[] {
  return ['gramine-ratls', ...(format === 'der' ? ['-D'] : []), '--', certificate, key] as ImagePath[];
}

/** A directory that becomes a tmpfs, with what else the image has there mounted on top. */
export interface RaTlsPlace {
  readonly directory: ImagePath;
  readonly beside: readonly DirectoryMount[];
}

export interface RaTlsPlaceParts {
  readonly tree: FileTree;
  /** The mounts of the user's manifest and of the options. */
  readonly given: readonly Mount[];
  readonly scratchPlaces: readonly ImagePath[];
  /** What links to directories are mounted. */
  readonly linked: readonly DirectoryMount[];
}

/** More names beside the certificate mean that the place is not one for it: each becomes a mount. */
const mostBeside = 64;

/**
 * The directories of certificate and key that have to become a tmpfs: all that are not the root of a tmpfs or of an encrypted
 * mount, as `gramine-ratls` makes none, and starts the application even if it could write nothing. Throws an `entrypoint` error for a place on the host's disk, and for one that cannot be a tmpfs.
 */
export function raTlsPlaces(choice: RaTlsChoice, parts: RaTlsPlaceParts): readonly RaTlsPlace[] {
  const { certificate, key } = choice;
  const open = [certificate, key].filter((path) => !isWritable(path, parts));
  const directories = [...new Set(open.map(parentOf))].sort();
  return directories.map((directory) => ({
    directory,
    beside: besideIn(directory, new Set([certificate, key]), parts),
  }));
}

/** True if the directory of a file is there and keeps what is written in the enclave, or encrypted. */
function isWritable(path: ImagePath, { given, scratchPlaces, tree }: RaTlsPlaceParts): boolean {
  const [found, mount, directory] = [resolvePath(tree, path), mountOf(path, given), parentOf(path)];
  const isDirectory = found.kind === 'found' && found.node.kind === 'directory';
  if (isDirectory || scratchPlaces.includes(path) || mount?.at === path)
    throw unusable(path, 'expected the name of a file, but it is a directory, or something is mounted there');
  if (mount === undefined || mount.at === rootPath) return scratchPlaces.includes(directory);
  if (mount.type === 'tmpfs') return mount.at === directory;
  if (mount.type !== 'encrypted')
    throw unusable(
      path,
      `the host has what is at ${showBytes(mount.at)} (${mount.type}), and would get the key`,
    );
  if (mount.at === directory) return true;
  throw unusable(
    path,
    `only directly in the encrypted mount ${showBytes(mount.at)} is its directory sure to be there`,
  );
}

function besideIn(
  directory: ImagePath,
  written: ReadonlySet<ImagePath>,
  { tree, linked }: RaTlsPlaceParts,
): readonly DirectoryMount[] {
  if (directory === rootPath) throw unusable(rootPath, 'the root cannot be a tmpfs');
  const engines = [...engineFiles.keys()].filter((path) => isWithin(imagePath(path), directory));
  if (engines.length > 0)
    throw unusable(
      directory,
      `it would become a tmpfs, and hide what programs find at ${engines.join(', ')}`,
    );
  const found = resolvePath(tree, directory);
  if (found.kind !== 'found') return [];
  if (found.node.kind !== 'directory') throw unusable(directory, `it is a ${found.node.kind}`);
  const links = new Set(linked.map(({ path }) => path));
  const beside = sortedNames(found.node).flatMap((name): DirectoryMount[] => {
    const path = childOf(directory, name);
    if (written.has(path) || links.has(path)) return [];
    const real = resolvePath(tree, path);
    if (real.kind !== 'found' || !hasFiles(tree, real.path)) return [];
    return [{ path, target: real.path }];
  });
  if (beside.length <= mostBeside) return beside;
  throw unusable(
    directory,
    `it would become a tmpfs, and the image has ${beside.length} names there, more than the ${mostBeside} that are mounted on top`,
  );
}

function hasFiles(tree: FileTree, path: ImagePath): boolean {
  for (const { node } of walkTree(tree, path)) if (node.kind !== 'directory') return true;
  return false;
}

/** What a program sees besides: which names are not there, what cannot be written. */
export function raTlsPlaceNotes(places: readonly RaTlsPlace[]): readonly string[] {
  return places
    .filter(({ beside }) => beside.length > 0)
    .map(
      ({ directory, beside }) =>
        `${showBytes(directory)} is a tmpfs for the files of --ratls; what the image has there is mounted on top, as the image has it, and cannot be written: ${showNames(beside)}`,
    );
}

/** How many names a note lists. */
const mostNames = 5;

function showNames(beside: readonly DirectoryMount[]): string {
  const names = beside.slice(0, mostNames).map(({ path }) => showBytes(baseNameOf(path)));
  const more = beside.length - names.length;
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function unusable(path: ImagePath, problem: string): GscError {
  return new GscError({
    code: 'entrypoint',
    subject: `--ratls ${showBytes(path)}`,
    message: problem,
    hint: 'name a file in a separate directory, as in --ratls CERT=/run/tls/cert.pem,KEY=/run/tls/key.pem',
  });
}

function lacks({ subject }: Runtime, what: string): GscError {
  return new GscError({
    code: 'runtime',
    subject,
    message: `the runtime lacks ${what}; --ratls starts the application by it`,
    hint: 'give a Gramine from 1.5 on that was built for SGX, with its programs: an installation, the package gramine, or one that gsc builds',
  });
}
