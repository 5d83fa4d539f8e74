import { type ImagePath, isWithin, showBytes } from '../base/image-path.ts';
import type { GramineEnclave } from '../enclave/gramine-enclave.ts';
import { labels, patchesOf } from '../image/labels.ts';
import { type ContainerNeeds, needsIn } from '../inspect/container-needs.ts';
import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import { debugReason } from '../manifest/insecure-options.ts';
import { showPath } from '../manifest/toml/toml.ts';
import { showRuntimeVersion } from '../runtime/patch-marks.ts';
import { runtimeDigest } from '../runtime/runtime.ts';
import { hasPredictedStart } from '../runtime/version.ts';
import type { SigstructDescription } from '../signature/describe-sigstruct.ts';
import { type CheckGroup, checkGroups, type ImageCheck } from '../verify/check.ts';
import { attempt, type GraminizedImage, type Maybe } from '../verify/graminized-image.ts';
import { launchIn } from '../verify/image-launch.ts';
import { listRuntimeFiles, runtimeFilesIn } from '../verify/image-runtime.ts';
import { measureFiles } from '../verify/measurement-checks.ts';
import { judgeImage, type VerifyImageOptions } from '../verify/verify-image.ts';
import { type AddressSpace, addressSpace } from './address-space.ts';
import { type DataReport, dataReport } from './data-flow.ts';
import { type MappedPlace, mapFiles, placesOf, type StateSums, sumFiles } from './file-map.ts';
import { type LayerRow, layerRows } from './layer-rows.ts';
import { type SelectionReport, selectionReport } from './left-out.ts';
import { type ProgramReport, programReport } from './program-report.ts';

/** A key that weakens the enclave. */
export interface InsecureRow {
  readonly key: string;
  readonly reason: string;
}

/** Who the enclave is: what attestation shows of it. */
export interface IdentityReport {
  /** 64 hex digits; of an unsigned image what signing without overrides gives. */
  readonly mrEnclave: string | undefined;
  /** Of a signed image. */
  readonly signature: SigstructDescription | undefined;
  /** Why there is no signature to be read. */
  readonly problem: string | undefined;
  /** Of the programs that the first one starts, where they have enclaves of their own. */
  readonly children: readonly { readonly name: string; readonly mrEnclave: string | undefined }[];
}

/** The checks of one group of `verify-image`; none of an empty one. */
export interface CheckTable {
  readonly group: CheckGroup;
  readonly checks: readonly ImageCheck[];
}

export interface RuntimeReport {
  readonly version: string;
  readonly digest: string;
  readonly patches: readonly string[];
  readonly fileCount: number;
  /** A directory with many files is one, with their number and a digest of them all. */
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly fileCount?: number }[];
}

/** What only a manifest tells. */
export interface ManifestReport {
  readonly program: ProgramReport;
  readonly insecure: readonly InsecureRow[];
  readonly data: DataReport;
  readonly files: { readonly sums: StateSums; readonly places: readonly MappedPlace[] };
  readonly selection: SelectionReport;
  /** False of releases whose start was not measured. */
  readonly hasPredictedStart: boolean;
}

/** What an enclave is made of. */
export interface EnclaveReport {
  readonly sizeBytes: number;
  readonly threadCount: number;
  readonly hasEdmm: boolean;
  readonly space: AddressSpace;
}

/** What a graminized image is, for people: plain values, each once. What could not be read has a problem instead. */
export interface ImageReport {
  readonly name: string;
  readonly isSigned: boolean;
  readonly isStandIn: boolean;
  readonly imageId: string;
  /** Undefined where a store has none. */
  readonly digest: string | undefined;
  /** As labels say, which prove nothing. */
  readonly base: { readonly name: string | undefined; readonly digest: string | undefined };
  readonly toolVersion: string | undefined;
  readonly identity: IdentityReport;
  readonly isVerified: boolean;
  readonly checks: readonly CheckTable[];
  readonly manifest: Maybe<ManifestReport>;
  readonly enclave: Maybe<EnclaveReport>;
  readonly runtime: RuntimeReport;
  readonly layers: readonly LayerRow[];
}

/** What the image is held against. The age of a signature is not judged: a report says the same on every day. */
export type ReportOptions = Omit<VerifyImageOptions, 'at' | 'reporter' | 'signal' | 'concurrency'>;

/** Makes the report of an image that was read. Throws what holding it against others throws. */
export async function imageReport(image: GraminizedImage, options: ReportOptions = {}): Promise<ImageReport> {
  const all = await measureFiles(image);
  const { isVerified, checks } = await judgeImage(image, all, options);
  // Of several enclaves, that of the program which starts first.
  const enclave = all.layouts.get(image.files) ?? { problem: 'it was not laid out' };
  const measured = all.enclaves.get(image.files);
  const { image: stored, labels: found, isSigned, signature } = image;
  return {
    name: stored.name,
    isSigned,
    isStandIn: found[labels.standIn] === 'true',
    imageId: stored.configDescriptor.digest,
    digest: stored.isManifestSynthesized ? undefined : stored.manifest.digest,
    base: { name: found[labels.baseName], digest: found[labels.baseDigest] },
    toolVersion: found[labels.toolVersion],
    identity: {
      mrEnclave: signature.value?.mrEnclave ?? measured?.value?.mrEnclave,
      signature: signature.value,
      problem: isSigned ? signature.problem : undefined,
      children: image.enclaves.slice(1).map(({ name, files, signature: own }) => ({
        name,
        mrEnclave: own.value?.mrEnclave ?? all.enclaves.get(files)?.value?.mrEnclave,
      })),
    },
    isVerified,
    checks: checkTables(checks),
    manifest: attempt(image.manifest, (manifest) => manifestReport(image, manifest)),
    enclave: attempt(enclave, enclaveReport),
    runtime: runtimeReport(image),
    layers: layerRows(image),
  };
}

function checkTables(checks: readonly ImageCheck[]): readonly CheckTable[] {
  return (Object.keys(checkGroups) as CheckGroup[]).flatMap((group) => {
    const names: readonly string[] = checkGroups[group];
    const own = checks.filter(({ name }) => names.includes(name)).map(withoutRuntimeFiles);
    return own.length > 0 ? [{ group, checks: own }] : [];
  });
}

/** They have a table of their own. */
function withoutRuntimeFiles(check: ImageCheck): ImageCheck {
  if (check.name !== 'runtime' || check.result !== 'not-checked') return check;
  const { lines: _, detail, ...rest } = check;
  return { ...rest, detail: detail.replace(/; its files:$/, '') };
}

/** Of the manifest, and of the signature, which decides about debuggers. */
function insecureRows(
  { signature }: GraminizedImage,
  { insecureOptions }: CompleteManifest,
): readonly InsecureRow[] {
  const rows = insecureOptions.map(({ path, reason }) => ({ key: showPath(path), reason }));
  if (signature.value?.isDebug !== true || rows.some(({ key }) => key === 'sgx.debug')) return rows;
  return [{ key: 'sgx.debug', reason: debugReason }, ...rows];
}

function manifestReport(image: GraminizedImage, manifest: CompleteManifest): ManifestReport {
  const { image: stored, tree, version } = image;
  const needs: ContainerNeeds = needsIn(stored, manifest.root, {
    tree,
    sigstruct: image.signature.value,
  });
  const files = mapFiles(tree, manifest.names, ownFiles(image));
  return {
    program: programReport(stored, manifest, {
      needs,
      launchWords: launchIn(image).entrypoint.length,
    }),
    insecure: insecureRows(image, manifest),
    data: dataReport(stored, manifest, needs),
    files: { sums: sumFiles(files), places: placesOf(files) },
    selection: selectionReport(image, manifest, files),
    hasPredictedStart: version.value === undefined || hasPredictedStart(version.value.release),
  };
}

/** Says which files are of gsc and Gramine themselves: the runtime's, the manifests, what goes with them and what starts them. */
function ownFiles(image: GraminizedImage): (path: ImagePath) => boolean {
  const { places, enclaves } = image;
  const directories = [...places.directories, places.appDirectory];
  const files = new Set([
    ...enclaves.flatMap((enclave) => Object.values(enclave.files)),
    ...launchIn(image).files.map(({ path }) => path),
  ]);
  return (path) => files.has(path) || directories.some((directory) => isWithin(path, directory));
}

function enclaveReport(enclave: GramineEnclave): EnclaveReport {
  const { sizeBytes, maxThreads, hasEdmm } = enclave.settings;
  return { sizeBytes: Number(sizeBytes), threadCount: maxThreads, hasEdmm, space: addressSpace(enclave) };
}

function runtimeReport(image: GraminizedImage): RuntimeReport {
  const { labels: found, version } = image;
  const files = runtimeFilesIn(image);
  const patches = patchesOf(found);
  return {
    version: version.value ? showRuntimeVersion(version.value, []) : 'unknown',
    digest: runtimeDigest({ files }),
    patches,
    fileCount: files.length,
    files: listRuntimeFiles(image).map(({ path, ...more }) => ({ path: showBytes(path), ...more })),
  };
}
