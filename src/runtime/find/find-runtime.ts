import { GscError } from '../../base/error.ts';
import { childOf, type ImagePath, imagePath, showBytes } from '../../base/image-path.ts';
import { startsAsElf } from '../../elf/elf.ts';
import { graminizedPaths } from '../../image/graminized-paths.ts';
import type { FileTree } from '../../tree/file-tree.ts';
import { findPackageDirectory, hasPackageDirectory } from '../package-directory.ts';
import { patchesIn } from '../patch-marks.ts';
import { type Runtime, type RuntimeFile, runtimeFile } from '../runtime.ts';
import { contentIn, type ReadFiles, rememberContents, type TreeSource } from '../tree-source.ts';
import { parseRuntimeVersion, type RuntimeVersion } from '../version.ts';
import { findGrapheneRuntime, hasGraphene } from './find-graphene.ts';
import { findHostFiles } from './host-libraries.ts';
import { redirectInterpreter } from './interpreter.ts';
import { listPackageFiles, type PackageFile } from './package-files.ts';
import { findRaTls, readRaTls } from './ra-tls.ts';
import { listVersionFiles, readStatedVersion, type StatedVersion } from './version-files.ts';

export interface FindRuntimeOptions {
  /** The reference or directory that the tree comes from, for messages. */
  readonly subject: string;
  /** The version that the user gives; it wins over what the files say. */
  readonly version?: RuntimeVersion;
  /** The version that the package which the files come from has; it counts if the files say none. */
  readonly packageVersion?: string;
  /** The patches that the image's label names. */
  readonly patches?: readonly string[];
}

/** A runtime of release builds has about 10 MB; more than this hints at debug information. */
const usualSizeBytes = 25_000_000;
/** Files are held in memory: nothing that is larger can be a runtime. */
const maximumSizeBytes = 512_000_000;

/** What `runtime-standin/build.sh` writes into every file that it compiles (STANDIN_MARK in report.h). */
const standInMark = 'gsc runtime stand-in';

/**
 * Finds a Gramine installation (or, where there is none, a Graphene) anywhere in a tree and takes from it what a graminized image
 * needs: the package directory moved to `/gramine/runtime`, the SGX loader's interpreter and libraries in `/gramine/host`. Equal files give an equal
 * runtime, wherever they lay. Throws a `runtime` error that names what is missing, or whose version cannot be determined.
 */
export async function findRuntime(
  tree: FileTree,
  readFiles: ReadFiles,
  options: FindRuntimeOptions,
): Promise<Runtime> {
  const source = rememberContents({ tree, readFiles });
  if (isGraphene(source, options)) return findGrapheneRuntime(source, options);
  const { chosen, others } = findPackageDirectory(tree, options.subject);
  const listing = listPackageFiles(tree, chosen);
  refuseExcess(listing.files, options.subject);
  const versionFiles = listVersionFiles(tree, chosen.path);
  // All at once: a source may be an image, whose layers are unpacked for each request.
  const raTlsPlace = findRaTls(tree, chosen.path);
  const places = [...versionFiles, ...listing.files].map(({ real }) => real);
  await source.readFiles([...places, ...(raTlsPlace ? [raTlsPlace] : [])]);
  const stated = await readStatedVersion(source, versionFiles);
  const { version, warnings: versionWarnings } = decideVersion(stated, chosen.path, options);
  const packaged = await readPackageFiles(source, listing.files);
  const host = await hostLibraries(source, listing.files);
  const raTls = raTlsPlace && (await readRaTls(source, raTlsPlace));
  const files = [...packaged.files, ...host].map(redirected).sort((a, b) => (a.path < b.path ? -1 : 1));
  const sizeBytes = files.reduce((sum, { content }) => sum + content.length, 0);
  return {
    subject: options.subject,
    version,
    patches: [...new Set([...patchesInParts(files), ...(options.patches ?? [])])].sort(),
    isStandIn: files.some(
      ({ path, content }) => path === graminizedPaths.libos && content.includes(standInMark),
    ),
    origin: chosen.path,
    cLibraries: chosen.cLibraries,
    files,
    ...(raTls && { raTls }),
    sizeBytes,
    warnings: [
      ...tree.warnings,
      ...others.map((path) => `${showBytes(path)} is a runtime too; ${showBytes(chosen.path)} is used`),
      ...versionWarnings,
      ...listing.warnings,
      ...packaged.warnings,
      ...sizeWarning(sizeBytes),
    ],
  };
}

/** As the version says that is asked for; without one, a tree with both has Gramine. */
function isGraphene(source: TreeSource, { version }: FindRuntimeOptions): boolean {
  if (version !== undefined) return version.family === 'graphene';
  return !hasPackageDirectory(source.tree) && hasGraphene(source);
}

/** Library OS and PAL both parse the manifest: what only one of them was built with does not count. */
function patchesInParts(files: readonly RuntimeFile[]): readonly string[] {
  const [libos = [], pal = []] = [graminizedPaths.libos, graminizedPaths.libpal].map((wanted) => {
    const part = files.find(({ path }) => path === wanted);
    return part ? patchesIn(part.content) : [];
  });
  return libos.filter((name) => pal.includes(name));
}

interface VersionDecision {
  readonly version: RuntimeVersion;
  readonly warnings: readonly string[];
}

function decideVersion(
  stated: StatedVersion | undefined,
  packageDirectory: ImagePath,
  { subject, version, packageVersion }: FindRuntimeOptions,
): VersionDecision {
  if (version === undefined) {
    if (stated === undefined && packageVersion !== undefined) {
      return {
        version: parseRuntimeVersion(packageVersion, `${subject}: version of the package`),
        warnings: [],
      };
    }
    if (stated === undefined) throw unknownVersion(subject, packageDirectory);
    return {
      version: parseRuntimeVersion(stated.text, `${subject}: ${showBytes(stated.file)}`),
      warnings: [],
    };
  }
  if (stated === undefined || agrees(stated.text, version)) return { version, warnings: [] };
  const warning = `version ${version.text} was requested, but ${showBytes(stated.file)} says ${stated.text}`;
  return { version, warnings: [warning] };
}

/** Versions that gsc does not know agree with none. */
function agrees(text: string, version: RuntimeVersion): boolean {
  try {
    return parseRuntimeVersion(text).release === version.release;
  } catch (error) {
    if (error instanceof GscError) return false;
    throw error;
  }
}

function unknownVersion(subject: string, packageDirectory: ImagePath): GscError {
  return new GscError({
    code: 'runtime',
    subject,
    message: `no file states the version of the runtime in ${showBytes(packageDirectory)}: looked for bin/gramine-sgx, the Python package graminelibos, pkg-config files and dpkg's status`,
    hint: 'give it with --runtime-version, for example --runtime-version 1.9',
  });
}

function refuseExcess(files: readonly PackageFile[], subject: string): void {
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  if (sizeBytes <= maximumSizeBytes) return;
  throw new GscError({
    code: 'runtime',
    subject,
    message: `expected a runtime of at most ${maximumSizeBytes} bytes, got ${sizeBytes}`,
    hint: 'strip the debug information, or use a release build',
  });
}

interface PackagedFiles {
  readonly files: readonly RuntimeFile[];
  readonly warnings: readonly string[];
}

/** Reads the package's files and checks that they are ELF files: `libc.so` may be a text for linkers. */
async function readPackageFiles(source: TreeSource, listed: readonly PackageFile[]): Promise<PackagedFiles> {
  const contents = await source.readFiles([...new Set(listed.map(({ real }) => real))]);
  const files: RuntimeFile[] = [];
  const warnings: string[] = [];
  for (const { name, real } of listed) {
    const content = contentIn(contents, real);
    if (startsAsElf(content)) {
      files.push(runtimeFile(imagePath(`${graminizedPaths.packageDirectory}/${name}`), content));
    } else if (name.startsWith('runtime/')) {
      warnings.push(`${showBytes(name)} is not an ELF file; it is left out`);
    } else {
      throw new GscError({
        code: 'runtime',
        subject: showBytes(real),
        message: 'expected an ELF file',
        hint: 'this part of the runtime is damaged: install Gramine again',
      });
    }
  }
  return { files, warnings };
}

/** The loader's real path counts for `$ORIGIN`: where it lies now, not where it will. */
async function hostLibraries(
  source: TreeSource,
  listed: readonly PackageFile[],
): Promise<readonly RuntimeFile[]> {
  const loader = listed.find(({ name }) => name === 'sgx/loader');
  const files = loader === undefined ? [] : await findHostFiles(source, loader.real);
  return files.map(({ name, content }) => runtimeFile(childOf(graminizedPaths.hostDirectory, name), content));
}

const sgxLoader = imagePath(`${graminizedPaths.packageDirectory}/sgx/loader`);

function redirected(file: RuntimeFile): RuntimeFile {
  if (file.path !== sgxLoader) return file;
  return runtimeFile(file.path, redirectInterpreter(file.content, file.path));
}

function sizeWarning(sizeBytes: number): readonly string[] {
  if (sizeBytes <= usualSizeBytes) return [];
  const megabytes = Math.round(sizeBytes / 1e6);
  return [`the runtime has ${megabytes} MB, more than the usual 25: it may hold debug information`];
}
