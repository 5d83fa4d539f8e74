import { type Digest, digestOf, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { baseNameOf, type ImagePath, isWithin, parentOf } from '../base/image-path.ts';
import type { CLibraryName } from './package-directory.ts';
import { runtimePlacesOf } from './places.ts';
import type { RuntimeVersion } from './version.ts';

/** A file of the runtime layer, owned by root. */
export interface RuntimeFile {
  readonly path: ImagePath;
  readonly mode: number;
  /** SHA-256 of the content, 64 hex digits. */
  readonly sha256: string;
  readonly content: Buffer;
}

/** A Gramine installation, reduced to what runs and moved to where every graminized image has it. */
export interface Runtime {
  /** The reference or directory that it comes from. */
  readonly subject: string;
  readonly version: RuntimeVersion;
  /** The names of the changes that its sources were built with, as far as its files or its image tell; sorted. */
  readonly patches: readonly string[];
  /** True for the tree that `runtime-standin/build.sh` makes: it protects nothing. */
  readonly isStandIn: boolean;
  /** The real path of the package directory that was taken. */
  readonly origin: ImagePath;
  readonly cLibraries: readonly CLibraryName[];
  /** Sorted by path. */
  readonly files: readonly RuntimeFile[];
  /** `gramine-ratls`, for the images that start by it; installations before 1.5 have none. */
  readonly raTls?: RuntimeFile;
  readonly sizeBytes: number;
  /** What the user should know about the choice: other runtimes that were there, versions that differ, dead links. */
  readonly warnings: readonly string[];
}

/** The runtime's part of a manifest. */
export interface RuntimeFacts {
  /** `loader.entrypoint`. */
  readonly entrypoint: { readonly uri: string; readonly sha256: string };
  /** Directories for LD_LIBRARY_PATH, by C library. */
  readonly cLibraryDirectories: Readonly<Partial<Record<CLibraryName, ImagePath>>>;
  /** What the application opens, so that it must be trusted: all shared objects of the C libraries, sorted. */
  readonly trustedFiles: readonly { readonly path: ImagePath; readonly sha256: string }[];
}

const executableMode = 0o755;
const libraryMode = 0o644;

/**
 * Makes a file of the runtime layer. Modes do not depend on the origin: what is started (the loaders, the ELF
 * interpreters and `gramine-ratls`, which the kernel and the library OS demand to be executable) has 0755, all else 0644.
 */
export function runtimeFile(path: ImagePath, content: Buffer): RuntimeFile {
  return { path, mode: modeOfRuntimeFile(path), sha256: hexOf(digestOf(content)), content };
}

/** The mode of a file of the runtime layer, by its name. */
export function modeOfRuntimeFile(path: ImagePath): number {
  const isStarted = /^(?:loader$|ld[-.]|gramine-ratls$|pal-Linux|python3$)/.test(baseNameOf(path));
  return isStarted ? executableMode : libraryMode;
}

/** The files of the runtime layer, sorted by path. */
export function runtimeFiles(runtime: Runtime): readonly RuntimeFile[] {
  return runtime.files;
}

/** The directories of the runtime layer, parents first; all have mode 0755 and belong to root. */
export function runtimeDirectories({ files }: Pick<Runtime, 'files'>): readonly ImagePath[] {
  const directories = new Set<ImagePath>();
  for (const { path } of files) {
    for (let above = parentOf(path); above !== '/'; above = parentOf(above)) directories.add(above);
  }
  return [...directories].sort();
}

/** SHA-256 over path, mode (octal) and SHA-256 of every file in order, each ended by a NUL. */
export function runtimeDigest(runtime: { readonly files: readonly Omit<RuntimeFile, 'content'>[] }): Digest {
  const lines = runtime.files.map(({ path, mode, sha256 }) => `${path}\0${mode.toString(8)}\0${sha256}\0`);
  return digestOf(Buffer.from(lines.join(''), 'latin1'));
}

/** What a manifest says about the runtime. libsysdb.so is checked by `loader.entrypoint`, not as a trusted file. */
export function runtimeFacts(runtime: Runtime): RuntimeFacts {
  const { libos, cLibraryDirectory } = runtimePlacesOf(runtime.version);
  const directories = runtime.cLibraries.map((name) => [name, cLibraryDirectory(name)] as const);
  const isOpenedInside = ({ path }: RuntimeFile) =>
    !startsEnclaves.test(baseNameOf(path)) && directories.some(([, directory]) => isWithin(path, directory));
  return {
    entrypoint: { uri: `file:${libos}`, sha256: fileIn(runtime, libos).sha256 },
    cLibraryDirectories: Object.fromEntries(directories),
    trustedFiles: runtime.files.filter(isOpenedInside).map(({ path, sha256 }) => ({ path, sha256 })),
  };
}

/** Graphene has them in one directory with its C library. */
const startsEnclaves = /^(?:lib)?pal-Linux|^libsysdb\.so$/;

/** The bytes of the PAL that an enclave's measurement starts with. */
export function libpalContent(runtime: Runtime): Buffer {
  return fileIn(runtime, runtimePlacesOf(runtime.version).libpal).content;
}

function fileIn(runtime: Runtime, path: ImagePath): RuntimeFile {
  const file = runtime.files.find((candidate) => candidate.path === path);
  if (file !== undefined) return file;
  throw new GscError({ code: 'runtime', subject: runtime.subject, message: `the runtime has no ${path}` });
}
