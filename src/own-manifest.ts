import { GscError } from './base/error.ts';
import {
  type ByteString,
  type ImagePath,
  imagePath,
  isWithin,
  showBytes,
  textOfBytes,
} from './base/image-path.ts';
import { entrypointName } from './entrypoint-name.ts';
import type { KeptPlace } from './kept-places.ts';
import type { TomlTable, TomlValue } from './manifest/toml.ts';
import type { RuntimeFacts } from './runtime/runtime.ts';
import { isAtLeast, type RuntimeVersion } from './runtime/version.ts';
import type { DirectoryMount } from './scan/directory-links.ts';
import { defaultSearchPath } from './scan/executable.ts';
import type { Start } from './scan/find-start.ts';
import type { TrustedFile } from './scan/trusted-files.ts';
import type { FileTree } from './tree/file-tree.ts';
import { resolvePath } from './tree/resolve-path.ts';
import { walkTree } from './tree/walk-tree.ts';

/** Which C library the application gets inside: Gramine's, which is patched and faster, or the image's own. */
export type LibcChoice = 'runtime' | 'image';

export interface OwnManifestParts {
  readonly start: Start;
  readonly runtime: RuntimeFacts;
  readonly version: RuntimeVersion;
  readonly libc: LibcChoice;
  /** Where the arguments come from: gsc's manifest, the host, or the user's manifest. */
  readonly argumentSource: 'own' | 'host' | 'user';
  readonly mounts: readonly DirectoryMount[];
  readonly trusted: readonly TrustedFile[];
  readonly writablePlaces: readonly ImagePath[];
  /** What of the image, or of gsc itself, is shown at other places than its own, in order. */
  readonly shown: readonly DirectoryMount[];
  /** True if stopping the container means a SIGTERM. */
  readonly stopsWithSigterm: boolean;
  /** What is mounted on top of writable places. */
  readonly kept: readonly KeptPlace[];
  /** Where the user's manifest and options mount something: links below lie in what it hides. */
  readonly takenPlaces: readonly ImagePath[];
}

/** Where programs expect to write scratch data; inside the enclave these are tmpfs. Filesystem Hierarchy Standard 3.0. */
export const scratchPlaces: readonly ImagePath[] = ['/tmp', '/var/tmp', '/run'].map(imagePath);

/** The scratch places, and the names of links that lead to or into them: each becomes a tmpfs of its own. */
export function findWritablePlaces(tree: FileTree): readonly ImagePath[] {
  const places = new Set<ImagePath>(scratchPlaces);
  for (const { path, node } of walkTree(tree)) {
    if (node.kind !== 'symlink') continue;
    const found = resolvePath(tree, path);
    const target = found.kind === 'found' && found.node.kind === 'directory' ? found.path : undefined;
    if (target && scratchPlaces.some((place) => isWithin(target, place))) places.add(path);
  }
  return [...places].filter((path) => textOfBytes(path) !== undefined).sort();
}

/** What gsc itself says about an application, without the trusted files: the user's manifest is merged over it. */
export function ownManifest(parts: OwnManifestParts): TomlTable {
  const { start, mounts, trusted, writablePlaces, takenPlaces } = parts;
  const entrypoint = entrypointName(start.executable, {
    mounts,
    trusted,
    covered: [...writablePlaces, ...takenPlaces],
    isArgv0: parts.argumentSource === 'host',
  });
  return table([
    ['libos', table([['entrypoint', text(entrypoint)]])],
    ['loader', loaderTable(parts)],
    [
      'fs',
      table([
        [
          'root',
          table([
            ['type', 'chroot'],
            ['uri', 'file:/'],
          ]),
        ],
        ['start_dir', text(start.workingDirectory.realPath)],
        ['mounts', mountList(parts)],
      ]),
    ],
    ['sys', systemTable(parts)],
  ]);
}

/** Gramine keeps SIGTERM from the application otherwise, and `docker stop` would have to kill it. */
function systemTable({ stopsWithSigterm }: OwnManifestParts): TomlTable {
  return table([
    ['enable_extra_runtime_domain_names_conf', true],
    ...(stopsWithSigterm ? ([['enable_sigterm_injection', true]] as const) : []),
  ]);
}

/** `sgx.trusted_files` entries of an image's files and the runtime's, in this order. */
export function trustedEntries(
  files: readonly TrustedFile[],
  runtime: RuntimeFacts,
  libc: LibcChoice,
): readonly TomlTable[] {
  const own = libc === 'runtime' ? runtime.trustedFiles : [];
  return [...files, ...own].map(({ path, sha256 }) =>
    table([
      ['uri', `file:${text(path)}`],
      ['sha256', sha256],
    ]),
  );
}

function loaderTable(parts: OwnManifestParts): TomlTable {
  const { start, runtime, version } = parts;
  const entrypoint = isAtLeast(version.release, '1.8')
    ? table([
        ['uri', runtime.entrypoint.uri],
        ['sha256', runtime.entrypoint.sha256],
      ])
    : runtime.entrypoint.uri;
  return table([
    ['entrypoint', entrypoint],
    ['log_level', 'error'],
    ['uid', BigInt(start.user.uid)],
    ['gid', BigInt(start.user.gid)],
    ...argumentEntries(parts),
    ['env', environmentTable(parts)],
  ]);
}

function argumentEntries({
  argumentSource,
  start,
}: OwnManifestParts): readonly (readonly [string, TomlValue])[] {
  switch (argumentSource) {
    case 'own':
      return [['argv', start.argv]];
    case 'host':
      return [['insecure__use_cmdline_argv', true]];
    case 'user':
      return [];
  }
}

/** The image's variables, then what engines set where the image does not, with the library path that Gramine needs. */
function environmentTable(parts: OwnManifestParts): TomlTable {
  const variables = new Map<string, TomlValue>(parts.start.environment.variables);
  if (!variables.has('PATH')) variables.set('PATH', defaultSearchPath);
  // As runc does, which takes an empty one for none.
  if ((variables.get('HOME') ?? '') === '') variables.set('HOME', text(parts.start.user.home));
  const libraryPath = joinPaths([
    ...runtimeLibraries(parts),
    ...splitPaths(variables.get('LD_LIBRARY_PATH')),
    ...parts.start.libraries.directories.map(text),
  ]);
  if (libraryPath !== '') variables.set('LD_LIBRARY_PATH', libraryPath);
  return variables;
}

/**
 * The library OS looks for the ELF interpreter in LD_LIBRARY_PATH, so its directory must be there: the runtime's for glibc,
 * first of all; the image's own is among its system directories. Static programs need none. The image's LD_LIBRARY_PATH
 * comes before its system directories, as outside.
 */
function runtimeLibraries({ start, runtime, libc }: OwnManifestParts): readonly string[] {
  if (start.libraries.libc !== 'glibc' || libc === 'image') return [];
  const directory = runtime.cLibraryDirectories.glibc;
  if (directory !== undefined) return [directory];
  throw new GscError({
    code: 'runtime',
    subject: 'C library',
    message: 'the program needs glibc, and the runtime has none',
    hint: "use --libc image for the image's own, or another runtime",
  });
}

function mountList({
  mounts,
  writablePlaces,
  shown,
  kept,
  takenPlaces,
}: OwnManifestParts): readonly TomlTable[] {
  const isHidden = (path: ImagePath) =>
    writablePlaces.some((place) => isWithin(path, place)) ||
    takenPlaces.some((place) => path !== place && isWithin(path, place));
  const links = mounts.filter(({ path }) => !isHidden(path));
  return [
    ...links.map(({ path, target }) => chroot(path, target)),
    ...writablePlaces.map(tmpfs),
    ...shown.map(({ path, target }) => chroot(path, target)),
    ...kept.map(({ path, type }) => (type === 'tmpfs' ? tmpfs(path) : chroot(path, path))),
  ];
}

function chroot(path: ImagePath, target: ImagePath): TomlTable {
  return table([
    ['type', 'chroot'],
    ['path', text(path)],
    ['uri', `file:${text(target)}`],
  ]);
}

function tmpfs(path: ImagePath): TomlTable {
  return table([
    ['type', 'tmpfs'],
    ['path', text(path)],
  ]);
}

function splitPaths(value: TomlValue | undefined): readonly string[] {
  return typeof value === 'string' ? value.split(':').filter((part) => part !== '') : [];
}

function joinPaths(parts: readonly string[]): string {
  return [...new Set(parts)].join(':');
}

/** Paths go into a manifest as UTF-8; a path that is none cannot be started from. */
function text(bytes: ByteString): string {
  const decoded = textOfBytes(bytes);
  if (decoded !== undefined) return decoded;
  throw new GscError({
    code: 'entrypoint',
    subject: showBytes(bytes),
    message: 'expected a name in UTF-8, got other bytes, which a manifest cannot hold',
    hint: 'rename it in the app image',
  });
}

function table(entries: readonly (readonly [string, TomlValue])[]): TomlTable {
  return new Map(entries);
}
