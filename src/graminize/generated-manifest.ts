import { GscError } from '../base/error.ts';
import { type ByteString, type ImagePath, isWithin, showBytes, textOfBytes } from '../base/image-path.ts';
import { placesOf } from '../base/place-index.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { AddedFile } from '../layer/added-layer.ts';
import { fileUriOfText } from '../manifest/schema/file-uri.ts';
import { knownPart } from '../manifest/schema/own-keys.ts';
import { hasKey } from '../manifest/schema/schema.ts';
import type { TomlTable, TomlValue } from '../manifest/toml/toml.ts';
import { type Runtime, runtimeFacts } from '../runtime/runtime.ts';
import { defaultSearchPath } from '../start/executable.ts';
import type { DirectoryMount } from '../trust/directory-links.ts';
import type { TrustedFile } from '../trust/trusted-files.ts';
import type { LibcChoice } from './choose-libc.ts';
import { entrypointName } from './entrypoint-name.ts';
import type { GraminizeContext } from './graminize-context.ts';
import { type RaTlsPlace, raTlsArguments } from './ra-tls.ts';
import type { StartMount } from './start-mounts.ts';
import { stopsWithSigterm } from './stop-signal.ts';

/** What is mounted besides what the context says. */
export interface GeneratedMounts {
  /** What of the image, or of gsc itself, is shown at other places than its own, in order. */
  readonly shown: readonly DirectoryMount[];
  /** What is mounted on top of scratch places. */
  readonly kept: readonly StartMount[];
  /** Where the user's manifest and options mount something: links below are in what it hides. */
  readonly takenPlaces: readonly ImagePath[];
  /** Where `gramine-ratls` writes. */
  readonly raTlsPlaces: readonly RaTlsPlace[];
}

/** What gsc itself says about an application, without the trusted files: the user's manifest is merged over it. */
export function generatedManifest(context: GraminizeContext, around: GeneratedMounts): TomlTable {
  const { start, selection, scratchPlaces, choices } = context;
  const { raTls } = choices;
  const ratlsDirectories = around.raTlsPlaces.map(({ directory }) => directory);
  const program = entrypointName(start.executable, {
    mounts: selection.mounts,
    trusted: selection.trusted,
    covered: [...scratchPlaces, ...around.takenPlaces, ...ratlsDirectories],
    // `gramine-ratls` starts a program by its argv[0].
    isArgv0: context.argumentSource === 'host' || raTls !== undefined,
  });
  const own = table([
    ['libos', table([['entrypoint', text(raTls ? graminizedPaths.raTls : program)]])],
    ['loader', loaderTable(context, program)],
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
        ['mounts', mountList(context, around)],
      ]),
    ],
    ['sys', systemTable(context)],
    ['sgx', enclaveTable(context)],
  ]);
  return knownPart(own, context.runtime.version.release);
}

/** Which enclaves this one may start. */
function enclaveTable({ children }: GraminizeContext): TomlTable {
  if (children.length === 0) return table([]);
  const trusted = children.map((name, index) => [`child${index}`, fileUriOfText(text(name))] as const);
  return table([['trusted_children', table(trusted)]]);
}

/** Gramine keeps SIGTERM from the application otherwise, and `docker stop` would have to kill it. */
function systemTable({ app }: GraminizeContext): TomlTable {
  return table([
    ['enable_extra_runtime_domain_names_conf', true],
    ...(stopsWithSigterm(app.config) ? ([['enable_sigterm_injection', true]] as const) : []),
  ]);
}

/** `sgx.trusted_files` entries of an image's files and the runtime's, in this order. */
export function trustedEntries(
  files: readonly TrustedFile[],
  runtime: Runtime,
  libc: LibcChoice,
): readonly TomlTable[] {
  const own = libc === 'runtime' ? runtimeFacts(runtime).trustedFiles : [];
  return [...files, ...own].map(({ path, sha256 }) =>
    table([
      ['uri', fileUriOfText(text(path))],
      ['sha256', sha256],
    ]),
  );
}

function loaderTable(context: GraminizeContext, program: ImagePath): TomlTable {
  const { start, runtime } = context;
  const { uri, sha256 } = runtimeFacts(runtime).entrypoint;
  return table([
    [
      'entrypoint',
      table([
        ['uri', uri],
        ['sha256', sha256],
      ]),
    ],
    ['log_level', 'error'],
    ['uid', BigInt(start.user.uid)],
    ['gid', BigInt(start.user.gid)],
    ...argumentEntries(context, program),
    ['env', environmentTable(context)],
  ]);
}

/** `argv` is a key of some releases; the file of the others is `argumentsFile`. */
function argumentEntries(
  { argumentSource, start, runtime, files, choices: { raTls } }: GraminizeContext,
  program: ImagePath,
): readonly (readonly [string, TomlValue])[] {
  switch (argumentSource) {
    case 'own':
      if (!hasKey(runtime.version.release, ['loader', 'argv']))
        return [['argv_src_file', fileUriOfText(text(files.trustedArguments))]];
      return [
        ['argv', raTls ? [...raTlsArguments(raTls), program, ...start.argv.slice(1)].map(text) : start.argv],
      ];
    case 'host':
      return [
        ['insecure__use_cmdline_argv', true],
        ['argv0_override', start.argv[0] ?? ''],
      ];
    case 'user':
      return [];
  }
}

/** The image's arguments as a file, for a release whose manifests cannot hold them: each ended by a NUL. */
export function argumentsFile({
  argumentSource,
  start,
  runtime,
  files,
}: GraminizeContext): AddedFile | undefined {
  if (argumentSource !== 'own' || hasKey(runtime.version.release, ['loader', 'argv'])) return undefined;
  const content = Buffer.from(start.argv.map((word) => `${word}\0`).join(''));
  return { path: files.trustedArguments, mode: 0o644, content };
}

/** The image's variables, then what engines set where the image does not, with the library path that Gramine needs. */
function environmentTable(context: GraminizeContext): TomlTable {
  const { start } = context;
  const variables = new Map<string, TomlValue>(start.environment.variables);
  if (!variables.has('PATH')) variables.set('PATH', defaultSearchPath);
  // As runc does, which takes an empty one for none.
  if ((variables.get('HOME') ?? '') === '') variables.set('HOME', text(start.user.home));
  const libraryPath = joinPaths([
    ...runtimeLibraries(context),
    ...splitPaths(variables.get('LD_LIBRARY_PATH')),
    ...start.libraries.directories.map(text),
  ]);
  if (libraryPath !== '') variables.set('LD_LIBRARY_PATH', libraryPath);
  return variables;
}

/**
 * The library OS looks for the ELF interpreter in LD_LIBRARY_PATH, so its directory must be there: the runtime's for glibc,
 * first of all; the image's own is among its system directories. Static programs need none. The image's LD_LIBRARY_PATH
 * comes before its system directories, as outside.
 */
function runtimeLibraries({ start, runtime, libc }: GraminizeContext): readonly string[] {
  if (start.libraries.libc !== 'glibc' || libc === 'image') return [];
  const directory = runtimeFacts(runtime).cLibraryDirectories.glibc;
  if (directory !== undefined) return [directory];
  throw new GscError({
    code: 'runtime',
    subject: 'C library',
    message: 'the program needs glibc, and the runtime has none',
    hint: "use --libc image for the image's own, or another runtime",
  });
}

function mountList(
  { selection: { mounts }, scratchPlaces }: GraminizeContext,
  { shown, kept, takenPlaces, raTlsPlaces }: GeneratedMounts,
): readonly TomlTable[] {
  const [scratch, taken] = [placesOf(scratchPlaces), placesOf(takenPlaces)];
  const isHidden = (path: ImagePath) => scratch.holds(path) || taken.above(path).some((at) => at !== path);
  const links = mounts.filter(({ path }) => !isHidden(path));
  const inRaTls = placesOf(raTlsPlaces.map(({ directory }) => directory));
  const raTlsMounts = (places: readonly RaTlsPlace[]) => places.flatMap((place) => raTlsMount(place, links));
  return [
    ...links.filter(({ path }) => !inRaTls.holds(path)).map(({ path, target }) => chroot(path, target)),
    ...raTlsMounts(raTlsPlaces.filter(({ directory }) => !scratch.holds(directory))),
    ...scratchPlaces.map(tmpfs),
    ...raTlsMounts(raTlsPlaces.filter(({ directory }) => scratch.holds(directory))),
    ...shown.map(({ path, target }) => chroot(path, target)),
    ...kept.map(({ path, type }) => (type === 'tmpfs' ? tmpfs(path) : chroot(path, path))),
  ];
}

/** A tmpfs, and on top of it what the image has there. */
function raTlsMount(
  { directory, beside }: RaTlsPlace,
  links: readonly DirectoryMount[],
): readonly TomlTable[] {
  const within = links.filter(({ path }) => isWithin(path, directory));
  return [tmpfs(directory), ...[...beside, ...within].map(({ path, target }) => chroot(path, target))];
}

function chroot(path: ImagePath, target: ImagePath): TomlTable {
  return table([
    ['type', 'chroot'],
    ['path', text(path)],
    ['uri', fileUriOfText(text(target))],
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

/** Paths go into a manifest as UTF-8; a path that is not UTF-8 cannot be started from. */
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
