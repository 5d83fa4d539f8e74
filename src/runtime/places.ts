import {
  type ByteString,
  bytesOfText,
  childOf,
  type ImagePath,
  imagePath,
  parentOf,
  rootPath,
  showBytes,
} from '../base/image-path.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import { type Labels, labels } from '../image/labels.ts';
import type { CLibraryName } from './package-directory.ts';
import type { RuntimeVersion } from './version.ts';

/** Where the runtime lies in every graminized image, whatever its origin: equal files give equal measurements. */
export interface RuntimePlaces {
  /** The library OS, what starts it and the C libraries. */
  readonly packageDirectory: ImagePath;
  readonly libos: ImagePath;
  /** What an enclave's measurement starts with. */
  readonly libpal: ImagePath;
  /** What the SGX loader is started as. */
  readonly loader: ImagePath;
  /** Where a C library lies for the application. */
  readonly cLibraryDirectory: (name: CLibraryName) => ImagePath;
  /** The ELF interpreter and the shared libraries that the runtime itself needs outside of the enclave. */
  readonly hostDirectory: ImagePath;
  /** All directories of the runtime's files. */
  readonly directories: readonly ImagePath[];
  /** Files of gsc's own for the application, other than those that have to lie elsewhere. */
  readonly appDirectory: ImagePath;
  /** What the application sees as `/etc/hosts`. */
  readonly hosts: ImagePath;
}

/** The files of one enclave of an image. */
export interface EnclaveFiles {
  readonly manifest: ImagePath;
  readonly manifestSgx: ImagePath;
  readonly sigstruct: ImagePath;
  /** Arguments that the host cannot change, for releases whose manifests cannot hold them. */
  readonly trustedArguments: ImagePath;
}

const gramine: RuntimePlaces = {
  packageDirectory: graminizedPaths.packageDirectory,
  libos: graminizedPaths.libos,
  libpal: graminizedPaths.libpal,
  loader: imagePath(`${graminizedPaths.packageDirectory}/sgx/loader`),
  cLibraryDirectory: (name) => imagePath(`${graminizedPaths.packageDirectory}/runtime/${name}`),
  hostDirectory: graminizedPaths.hostDirectory,
  directories: [graminizedPaths.packageDirectory, graminizedPaths.hostDirectory],
  appDirectory: graminizedPaths.appDirectory,
  hosts: graminizedPaths.hosts,
};

/** As the first GSC has it. */
const grapheneDirectory = imagePath('/graphene/Runtime');
const grapheneHostDirectory = imagePath('/graphene/host');

const graphene: RuntimePlaces = {
  packageDirectory: grapheneDirectory,
  libos: childOf(grapheneDirectory, 'libsysdb.so'),
  libpal: childOf(grapheneDirectory, 'libpal-Linux-SGX.so'),
  loader: childOf(grapheneDirectory, 'pal-Linux-SGX'),
  cLibraryDirectory: () => grapheneDirectory,
  hostDirectory: grapheneHostDirectory,
  directories: [
    grapheneDirectory,
    grapheneHostDirectory,
    ...['/graphene/signer', '/graphene/python'].map(imagePath),
  ],
  appDirectory: imagePath('/graphene/app_files'),
  hosts: imagePath('/graphene/app_files/hosts'),
};

/** Of the one enclave of an image with Graphene v1.2-rc1. */
const rootStem = childOf(rootPath, 'entrypoint');

/** The places of every kind of runtime. */
export const runtimePlaces: readonly RuntimePlaces[] = [gramine, graphene];

/** The places of a runtime of this version. */
export function runtimePlacesOf({ family }: RuntimeVersion): RuntimePlaces {
  return family === 'gramine' ? gramine : graphene;
}

export interface EnclaveNaming {
  /** The image's working directory. */
  readonly directory: ImagePath;
  /** The program's name. */
  readonly name: ByteString;
}

/**
 * The files of an enclave. Gramine's image has one, and so has that of Graphene v1.2-rc1, in the root directory; until v1.1 the
 * loader looks for the program's name in the current directory.
 */
export function enclaveFiles(version: RuntimeVersion, { directory, name }: EnclaveNaming): EnclaveFiles {
  if (version.family === 'gramine') return filesBeside(graminizedPaths.application);
  return filesBeside(version.release === '1.2-rc1' ? rootStem : childOf(directory, name));
}

/**
 * The files of the enclaves of an image, that of the program that starts first at the beginning. A label says where they are only
 * for releases whose loader looks in the working directory; others start what is in one place, whatever a label says.
 */
export function labelledEnclaves(found: Labels): readonly [EnclaveFiles, ...EnclaveFiles[]] {
  const isGraphene = found[labels.family] === 'graphene';
  if (!isGraphene) return [filesBeside(graminizedPaths.application)];
  if (found[labels.runtimeVersion] === '1.2-rc1') return [filesBeside(rootStem)];
  const text = found[labels.manifests];
  const stems = text === undefined ? undefined : valueIn(text);
  const named = Array.isArray(stems) ? stems.filter((stem) => typeof stem === 'string') : [];
  const [first = graminizedPaths.application, ...more] = named.map((stem) => imagePath(bytesOfText(stem)));
  // The loader changes into one directory.
  const others = more.filter((stem) => parentOf(stem) === parentOf(first));
  return [filesBeside(first), ...others.map((stem) => withOwnArguments(filesBeside(stem)))];
}

/** The files of the enclave of a program that the first one starts: its arguments have a file of their own. */
export function withOwnArguments(files: EnclaveFiles): EnclaveFiles {
  const stem = files.manifest.slice(0, -'.manifest'.length);
  return { ...files, trustedArguments: imagePath(`${stem}.trusted_argv`) };
}

/** A label is data: one that is not JSON names nothing. */
function valueIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The label that says where an image has its manifests; none where it has the one that Gramine's images have. */
export function manifestsLabel(enclaves: readonly EnclaveFiles[]): Labels {
  const stems = enclaves.map(({ manifest }) => showBytes(imagePath(manifest.slice(0, -'.manifest'.length))));
  const isUsual = stems.length === 1 && stems[0] === graminizedPaths.application;
  return isUsual ? {} : { [labels.manifests]: JSON.stringify(stems) };
}

function filesBeside(stem: ImagePath): EnclaveFiles {
  const at = (end: string) => imagePath(`${stem}${end}`);
  return {
    manifest: at('.manifest'),
    manifestSgx: at('.manifest.sgx'),
    sigstruct: at('.sig'),
    trustedArguments: childOf(parentOf(stem), 'trusted_argv'),
  };
}
