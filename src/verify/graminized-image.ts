import { GscError } from '../base/error.ts';
import { type ImagePath, showBytes } from '../base/image-path.ts';
import { type Reporter, silentReporter } from '../base/reporter.ts';
import { type BuildRecord, readBuildRecord } from '../graminize/build-record.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import { type Labels, labels } from '../image/labels.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import { isTable } from '../manifest/toml/toml.ts';
import { parseRuntimeVersion, type RuntimeVersion } from '../runtime/version.ts';
import type { LayerIndex } from '../scan/layer-index.ts';
import type { LayerIndexStore, ScanImageOptions } from '../scan/scan-image.ts';
import { scanReporting } from '../scan/scan-reporting.ts';
import type { EnclaveOverrides } from '../sign/enclave-overrides.ts';
import { describeSigstruct, type SigstructDescription } from '../signature/describe-sigstruct.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath, showFailure } from '../tree/resolve-path.ts';
import { ObservedContents } from './observed-contents.ts';

/** Something that may be damaged: its value, or why there is none. */
export type Maybe<T> =
  | { readonly value: T; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: string };

/** A graminized image as it was read, in one pass over its layers. What is damaged has a problem in place of a value. */
export interface GraminizedImage {
  readonly image: Image;
  readonly labels: Labels;
  /** One per layer, lowest first. */
  readonly indexes: readonly LayerIndex[];
  readonly tree: FileTree;
  readonly contents: ObservedContents;
  /** True unless nothing in it says that it was ever signed. */
  readonly isSigned: boolean;
  /** The manifest that counts: of a signed image `.manifest.sgx`. */
  readonly manifestPath: ImagePath;
  readonly manifestBytes: Maybe<Buffer>;
  readonly manifest: Maybe<CompleteManifest>;
  readonly libpal: Maybe<Buffer>;
  readonly sigstruct: Maybe<Buffer>;
  readonly signature: Maybe<SigstructDescription>;
  readonly version: Maybe<RuntimeVersion>;
  readonly record: Maybe<BuildRecord>;
}

/** How an image is read. */
export interface ReadingOptions extends Pick<ScanImageOptions, 'signal' | 'concurrency'> {
  /** Told how far the reading is. */
  readonly reporter?: Pick<Reporter, 'begin'>;
}

export interface ReadOptions extends ReadingOptions {
  /** An image that was read before: layers that both have are not read again. An image that is to be verified is read whole. */
  readonly seen?: Pick<GraminizedImage, 'indexes' | 'contents'>;
  /** In place of the manifest in it. */
  readonly manifest?: { readonly bytes: Buffer; readonly value: CompleteManifest };
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
  const { seen, manifest: given, reporter = silentReporter, ...scan } = options;
  const contents = seen?.contents ?? new ObservedContents();
  const known = seen && { indexes: knownIndexes(seen.indexes) };
  const { tree, indexes } = await scanReporting(image, reporter, { ...scan, ...known, observer: contents });
  const found: Labels = image.config.config?.Labels ?? {};
  const read = (path: ImagePath) => ownContent(tree, contents, path);
  const isThere = (path: ImagePath) => read(path).problem === undefined;
  const isSigned =
    found[labels.mrEnclave] !== undefined ||
    isThere(graminizedPaths.sigstruct) ||
    isThere(graminizedPaths.manifestSgx);
  const isGraminized = found[labels.runtimeVersion] !== undefined || isThere(graminizedPaths.manifest);
  if (!isSigned && !isGraminized) throw notGraminized(image);
  if (found[labels.family] === 'graphene') throw isOfGraphene(image);
  const version = attempt(labelOf(found, labels.runtimeVersion), (text) => parseRuntimeVersion(text));
  const manifestPath = isSigned ? graminizedPaths.manifestSgx : graminizedPaths.manifest;
  const manifestBytes = given ? { value: given.bytes } : read(manifestPath);
  const sigstruct = read(graminizedPaths.sigstruct);
  return {
    ...{ image, labels: found, indexes, tree, contents, isSigned, manifestPath, manifestBytes, sigstruct },
    manifest: given
      ? { value: given.value }
      : attempt(manifestBytes, (bytes) => parseManifest(bytes, manifestPath, version)),
    libpal: read(graminizedPaths.libpal),
    signature: attempt(sigstruct, (bytes) => describeSigstruct(bytes, graminizedPaths.sigstruct)),
    version,
    record: attempt(labelOf(found, labels.build), (text) => readBuildRecord(text, labels.build)),
  };
}

/** All releases of Gramine write their manifests alike, so that one without a label is read too. */
export function parseManifest(
  bytes: Buffer,
  path: ImagePath,
  { value: version = parseRuntimeVersion('1.9') }: Maybe<RuntimeVersion>,
): CompleteManifest {
  return CompleteManifest.parse(bytes, path, version);
}

function isOfGraphene(image: Image): GscError {
  return new GscError({
    code: 'state',
    subject: image.name,
    message: 'expected an image with a Gramine runtime, got one with Graphene, which cannot be verified yet',
    hint: 'gsc info-image checks its signature and shows its measurement',
  });
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

/** The keys that whoever signed may have chosen, as the signed manifest has them; none of an unsigned image. */
export function signersChoice({ isSigned, manifest }: GraminizedImage): EnclaveOverrides {
  const sgx = manifest.value?.root.get('sgx');
  if (!isSigned || !isTable(sgx)) return {};
  const [isvProdId, isvSvn, isDebug] = ['isvprodid', 'isvsvn', 'debug'].map((key) => sgx.get(key));
  return {
    ...(typeof isvProdId === 'bigint' && { isvProdId: Number(isvProdId) }),
    ...(typeof isvSvn === 'bigint' && { isvSvn: Number(isvSvn) }),
    ...(typeof isDebug === 'boolean' && { isDebug }),
  };
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
