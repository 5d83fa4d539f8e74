import { GscError } from '../base/error.ts';
import { baseNameOf, childOf, type ImagePath, parentOf, showBytes } from '../base/image-path.ts';
import { type Reporter, silentReporter } from '../base/reporter.ts';
import { enclaveRulesOf } from '../enclave/enclave-rules.ts';
import { type BuildRecord, readBuildRecord } from '../graminize/build-record.ts';
import type { Image } from '../image/image.ts';
import { type Labels, labels } from '../image/labels.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import {
  type EnclaveFiles,
  labelledEnclaves,
  type RuntimePlaces,
  runtimePlacesOf,
} from '../runtime/places.ts';
import { labelledVersion, parseRuntimeVersion, type RuntimeVersion } from '../runtime/version.ts';
import type { ImageScan } from '../scan/image-scan.ts';
import type { LayerIndex } from '../scan/layer-index.ts';
import { readFiles } from '../scan/read-files.ts';
import type { LayerIndexStore, ScanImageOptions } from '../scan/scan-options.ts';
import { scanReporting } from '../scan/scan-reporting.ts';
import { describeSigstruct, type SigstructDescription } from '../signature/describe-sigstruct.ts';
import { programOf } from '../signature/enclave-plan.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath, showFailure } from '../tree/resolve-path.ts';
import { ObservedContents } from './observed-contents.ts';

/** Something that may be damaged: its value, or why there is none. */
export type Maybe<T> =
  | { readonly value: T; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: string };

/** An enclave of an image as it was read. */
export interface ReadEnclave {
  /** Of the program that starts in it, or of the place of its files. */
  readonly name: string;
  readonly files: EnclaveFiles;
  /** The manifest that counts: of a signed image `.manifest.sgx`. */
  readonly manifestPath: ImagePath;
  readonly manifestBytes: Maybe<Buffer>;
  readonly manifest: Maybe<CompleteManifest>;
  readonly sigstruct: Maybe<Buffer>;
  readonly signature: Maybe<SigstructDescription>;
  /** The program, where the release measures it. */
  readonly executable: Maybe<Buffer | undefined>;
}

/**
 * A graminized image as it was read, in one pass over its layers. What is damaged has a problem in place of a value. It is a view
 * of one of its enclaves: at first of that of the program that starts first.
 */
export interface GraminizedImage extends ReadEnclave {
  readonly image: Image;
  /** More than one where programs have enclaves of their own; that of the program that starts first is the first. */
  readonly enclaves: readonly ReadEnclave[];
  readonly places: RuntimePlaces;
  readonly labels: Labels;
  /** One per layer, lowest first. */
  readonly indexes: readonly LayerIndex[];
  readonly tree: FileTree;
  readonly repeating: ImageScan['repeating'];
  /** Of its lowest layers, if these were asked for. */
  readonly lower?: ImageScan;
  readonly contents: ObservedContents;
  /** True unless nothing in it says that it was ever signed. */
  readonly isSigned: boolean;
  readonly libpal: Maybe<Buffer>;
  readonly version: Maybe<RuntimeVersion>;
  readonly record: Maybe<BuildRecord>;
}

/** How an image is read. */
export interface ReadingOptions extends Pick<ScanImageOptions, 'signal' | 'concurrency' | 'onListed'> {
  /** Told how far the reading is. */
  readonly reporter?: Pick<Reporter, 'begin'>;
}

export interface ReadOptions extends ReadingOptions, Pick<ScanImageOptions, 'below' | 'lowerLayers'> {
  /**
   * An image that was read before: layers and manifests that both have are not read again. An image that is to be verified is read
   * whole.
   */
  readonly seen?: Pick<GraminizedImage, 'indexes' | 'contents'> & Partial<Pick<GraminizedImage, 'enclaves'>>;
}

/** What is known of layers that were read: a layer is its uncompressed bytes, so the same diffId has the same index. */
export function knownIndexes(indexes: readonly LayerIndex[]): LayerIndexStore {
  const byDiffId = new Map(indexes.map((index) => [index.diffId, index]));
  return { load: async ({ diffId }) => byDiffId.get(diffId), save: async () => {} };
}

/**
 * Reads a graminized image. Throws `blob`, `tar` and `tree` errors for layers that are damaged, a `state` error for an image
 * that has nothing of gsc's.
 */
export async function readGraminizedImage(image: Image, options: ReadOptions = {}): Promise<GraminizedImage> {
  const { seen, reporter = silentReporter, ...scan } = options;
  const found: Labels = image.config.config?.Labels ?? {};
  const version = attempt(labelOf(found, labels.runtimeVersion), () => labelledVersion(found) ?? unlabelled);
  const places = runtimePlacesOf(version.value ?? unlabelled);
  const all = labelledEnclaves(found);
  const contents = seen?.contents ?? new ObservedContents();
  contents.keep(keptFiles(places, all));
  const known = seen && { indexes: knownIndexes(seen.indexes) };
  const { tree, indexes, repeating, lower } = await scanReporting(image, reporter, {
    ...scan,
    ...known,
    observer: contents,
  });
  const read = (path: ImagePath) => ownContent(tree, contents, path);
  const isThere = (path: ImagePath) => read(path).problem === undefined;
  const isSigned =
    found[labels.mrEnclave] !== undefined ||
    all.some(({ sigstruct, manifestSgx }) => isThere(sigstruct) || isThere(manifestSgx));
  const isGraminized = found[labels.runtimeVersion] !== undefined || isThere(all[0].manifest);
  if (!isSigned && !isGraminized) throw notGraminized(image);
  const parts = { read, isSigned, version, known: seen?.enclaves ?? [] };
  const enclaves = await withPrograms(
    image,
    tree,
    all.map((files) => readEnclave(files, parts)),
    version.value,
  );
  const [first] = enclaves;
  if (first === undefined) throw new RangeError('an image without an enclave');
  return {
    ...first,
    ...{ image, labels: found, indexes, tree, repeating, contents, isSigned, enclaves, places, version },
    ...(lower && { lower }),
    libpal: read(places.libpal),
    record: attempt(labelOf(found, labels.build), (text) => readBuildRecord(text, labels.build)),
  };
}

/** Images of which no label says it. */
const unlabelled = parseRuntimeVersion('1.9');

/** What the checks read of gsc's own files. */
function keptFiles(
  { libpal, appDirectory }: RuntimePlaces,
  enclaves: readonly EnclaveFiles[],
): readonly ImagePath[] {
  const files = enclaves.flatMap(({ manifest, manifestSgx, sigstruct }) => [
    manifest,
    manifestSgx,
    sigstruct,
  ]);
  const beside = enclaves.map(({ manifest }) => childOf(parentOf(manifest), 'apploader.sh'));
  return [libpal, appDirectory, ...files, ...beside];
}

interface EnclaveParts {
  readonly read: (path: ImagePath) => Maybe<Buffer>;
  readonly isSigned: boolean;
  readonly version: Maybe<RuntimeVersion>;
  /** Of an image that was read before. */
  readonly known: readonly ReadEnclave[];
}

function readEnclave(files: EnclaveFiles, { read, isSigned, version, known }: EnclaveParts): ReadEnclave {
  const manifestPath = isSigned ? files.manifestSgx : files.manifest;
  const manifestBytes = read(manifestPath);
  const sigstruct = read(files.sigstruct);
  return {
    name: showBytes(baseNameOf(files.sigstruct)).replace(/\.sig$/, ''),
    ...{ files, manifestPath, manifestBytes, sigstruct },
    manifest: attempt(manifestBytes, (bytes) => parseManifest(bytes, manifestPath, version, known)),
    signature: attempt(sigstruct, (bytes) => describeSigstruct(bytes, files.sigstruct, version.value)),
    executable: { value: undefined },
  };
}

/** With the programs where the release measures them: files of any layer, whose names only the manifests tell. */
async function withPrograms(
  image: Image,
  tree: FileTree,
  enclaves: readonly ReadEnclave[],
  version: RuntimeVersion | undefined,
): Promise<readonly ReadEnclave[]> {
  if (version === undefined || !enclaveRulesOf(version).hasExecutableArea) return enclaves;
  const programs = enclaves.map(({ manifest }) =>
    attempt(manifest, (value) => {
      const program = programOf(value);
      const found = program && resolvePath(tree, program);
      return found?.kind === 'found' && found.node.kind === 'file' ? found.path : undefined;
    }),
  );
  const contents = await readFiles(image, tree, [...new Set(programs.flatMap(({ value }) => value ?? []))]);
  return enclaves.map((enclave, index) => {
    const path = programs[index]?.value;
    return { ...enclave, executable: programContent(enclave, path && contents.get(path)) };
  });
}

/** A manifest may name no program; one that it names has to be there. */
function programContent({ manifest }: ReadEnclave, content: Buffer | undefined): Maybe<Buffer | undefined> {
  const program = manifest.value && programOf(manifest.value);
  if (content !== undefined || program === undefined) return { value: content };
  return { problem: `${showBytes(program)}, which is measured, is not a file in the image` };
}

/** The version whose rules count for an image: of one without a label, those of the newest release that is known. */
export function versionOf({ version }: Pick<GraminizedImage, 'version'>): RuntimeVersion {
  return version.value ?? unlabelled;
}

/** An image as each of its enclaves sees it. */
export function viewsOf(image: GraminizedImage): readonly GraminizedImage[] {
  return image.enclaves.map((enclave) => ({ ...image, ...enclave }));
}

/**
 * All releases of Gramine write their manifests alike, so that one without a label is read too. One that an enclave of `known` has,
 * byte for byte, is that one.
 */
export function parseManifest(
  bytes: Buffer,
  path: ImagePath,
  { value: version = unlabelled }: Maybe<RuntimeVersion>,
  known: readonly ReadEnclave[] = [],
): CompleteManifest {
  const same = known.find(({ manifest, manifestBytes }) => {
    const { family, text } = manifest.value?.version ?? {};
    const isSameRelease = family === version.family && text === version.text;
    return isSameRelease && manifestBytes.value?.equals(bytes) === true;
  });
  return same?.manifest.value ?? CompleteManifest.parse(bytes, path, version);
}

/** The content of a file of gsc's own, which has to lie under its very name. */
export function ownContent(tree: FileTree, contents: ObservedContents, path: ImagePath): Maybe<Buffer> {
  const found = resolvePath(tree, path, { followLast: false });
  if (found.kind !== 'found') return { problem: showBytes(showFailure(found)) };
  if (found.path !== path) return { problem: `a link leads to ${showBytes(found.path)} instead` };
  const { node } = found;
  if (node.kind === 'symlink') return { problem: `it is a link to ${showBytes(node.target)}` };
  if (node.kind !== 'file') return { problem: `it is a ${node.kind}` };
  const content = node.sizeBytes === 0 ? Buffer.alloc(0) : contents.contentOf(node.sha256);
  if (content === undefined)
    return {
      problem: `expected a file of gsc's own, got ${node.sizeBytes} bytes that came under another name`,
    };
  return { value: content };
}

/** What a step makes of a value; what gsc refuses becomes a problem. */
export function attempt<T, R>(given: Maybe<T>, work: (value: T) => R): Maybe<R> {
  if (given.problem !== undefined) return given;
  try {
    return { value: work(given.value) };
  } catch (error) {
    if (error instanceof GscError) return { problem: error.message };
    throw error;
  }
}

/** The same for a step that takes time. */
export async function attemptLater<T, R>(given: Maybe<T>, work: (value: T) => Promise<R>): Promise<Maybe<R>> {
  if (given.problem !== undefined) return given;
  try {
    return { value: await work(given.value) };
  } catch (error) {
    if (error instanceof GscError) return { problem: error.message };
    throw error;
  }
}

function labelOf(found: Labels, name: string): Maybe<string> {
  const value = found[name];
  return value === undefined ? { problem: `the label ${name} is missing` } : { value };
}

/** `layer 3 of 5 (sha256:0123456789ab…)`; index 0 is the lowest. */
export function showLayer({ layers }: Image, index: number): string {
  return `layer ${index + 1} of ${layers.length} (${layers[index]?.diffId.slice(0, 19)}…)`;
}

function notGraminized(image: Image): GscError {
  return new GscError({
    code: 'state',
    subject: image.name,
    message: 'expected a graminized image, got one that has nothing of gsc',
    hint: 'make it with gsc build and gsc sign-image',
  });
}
