import { type ErrorCode, GscError } from '../base/error.ts';
import type { Image } from '../image/image.ts';
import type { Labels } from '../image/labels.ts';
import { defaultImagePolicy, type ImagePolicy } from '../policy/image-policy.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { failed, type ImageCheck, ok } from './check.ts';
import { childChecks } from './child-checks.ts';
import { type ExpectedEvidence, evidenceChecks } from './evidence-checks.ts';
import {
  type GraminizedImage,
  type ReadingOptions,
  readGraminizedImage,
  viewsOf,
} from './graminized-image.ts';
import { labelChecks } from './label-checks.ts';
import { launchFileChecks, manifestCopyCheck } from './launch-file-checks.ts';
import { layerChecks } from './layer-checks.ts';
import { type MeasuredFiles, measureFiles, measurementChecks } from './measurement-checks.ts';
import { mountChecks } from './mount-checks.ts';
import { originChecks } from './origin-checks.ts';
import { policyChecks } from './policy-checks.ts';
import { programChecks } from './program-checks.ts';
import type { RebuildSource } from './rebuild.ts';
import { rebuildChecks } from './rebuild-checks.ts';
import { runConfigChecks } from './run-config-checks.ts';
import { runtimeChecks } from './runtime-checks.ts';
import { signatureChecks } from './signature-checks.ts';
import { trustedFileChecks } from './trusted-file-checks.ts';

export interface VerifyImageOptions extends ReadingOptions {
  /** 64 lower-case hex digits each: who signed, and which enclave it is. */
  readonly mrSigner?: string;
  readonly mrEnclave?: string;
  /** What it was made of: it is built again. */
  readonly base?: RebuildSource;
  /** The runtime that it must have; also what it is built again with. */
  readonly runtime?: Runtime;
  /** The strict default by default. */
  readonly policy?: ImagePolicy;
  /** The evidence attached to it, and whose it must be; without it evidence is not looked at. */
  readonly evidence?: ExpectedEvidence;
  /** For which time the age of the signature is judged; the caller's clock. Without it the age is not judged. */
  readonly at?: Date;
}

/** What became of an image's verification. */
export interface ImageVerdict {
  /** True if no check failed; those that were not checked say what would check them. */
  readonly isVerified: boolean;
  readonly checks: readonly ImageCheck[];
  /** What the image says of itself; none if it is so damaged that it cannot be read. */
  readonly labels: Labels;
}

/**
 * Checks whether a graminized image is what it claims to be. Everything is read from the image itself, in one pass over its
 * layers. Throws a `state` error for an image that is not graminized, and what reading it from its place throws.
 */
export async function verifyImage(image: Image, options: VerifyImageOptions): Promise<ImageVerdict> {
  try {
    const lowerLayers = sharedLayers(image, options.base?.app);
    const read = await readGraminizedImage(image, { ...options, ...(lowerLayers && { lowerLayers }) });
    return await judgeImage(read, await measureFiles(read), options);
  } catch (error) {
    if (isDamage(error)) return damagedImage(error);
    throw error;
  }
}

/** How many layers the app image has, if they are the image's lowest. */
function sharedLayers(image: Image, app: Image | undefined): number | undefined {
  const isShared = app?.layers.every(({ diffId }, layer) => image.layers[layer]?.diffId === diffId);
  return isShared ? app?.layers.length : undefined;
}

/** The checks of an image that was read, and whose enclaves were measured. Throws `isDamage` errors of what it is held against. */
export async function judgeImage(
  read: GraminizedImage,
  measured: MeasuredFiles,
  options: VerifyImageOptions,
): Promise<ImageVerdict> {
  const { image } = read;
  const layers = ok('image', {
    subject: image.name,
    detail: `${image.layers.length} layers, each with the digests that the manifest and the config name`,
  });
  const { base, runtime, policy = defaultImagePolicy, at } = options;
  const context = { policy, base, runtime, ...(at && { at }) };
  const checks = [
    layers,
    ...(await ownChecks(read, measured, options)),
    ...(await rebuildChecks(read, base, runtime)),
    ...runtimeChecks(read, runtime),
    ...eachEnclave(read, (view) => policyChecks(view, context)),
    ...originChecks(read, context),
    ...(await evidenceChecks(image, options.evidence)),
  ];
  return verdictOn(checks, read.labels);
}

/** What an image can be checked for without anything else. */
async function ownChecks(
  image: GraminizedImage,
  measured: MeasuredFiles,
  options: VerifyImageOptions,
): Promise<readonly ImageCheck[]> {
  const copies = await Promise.all(viewsOf(image).map(manifestCopyCheck));
  return [
    ...eachEnclave(image, (view) => enclaveChecks(view, measured, options)),
    ...eachEnclave(image, (_, index) => copies.slice(index, index + 1)),
    ...launchFileChecks(image),
    ...runConfigChecks(image),
    ...labelChecks(image),
    ...layerChecks(image),
  ];
}

function enclaveChecks(
  view: GraminizedImage,
  measured: MeasuredFiles,
  { mrSigner, mrEnclave }: VerifyImageOptions,
): readonly ImageCheck[] {
  // The one that is expected is that of the program which starts first.
  const expected = view.files === view.enclaves[0]?.files ? mrEnclave : undefined;
  return [
    ...signatureChecks(view, mrSigner),
    ...measurementChecks(view, measured.enclaves.get(view.files) ?? { problem: 'not measured' }, expected),
    ...childChecks(view, measured),
    ...trustedFileChecks(view),
    ...mountChecks(view),
    ...programChecks(view),
  ];
}

/** The checks of each enclave; of several, each is named. */
function eachEnclave(
  image: GraminizedImage,
  check: (view: GraminizedImage, index: number) => readonly ImageCheck[],
): readonly ImageCheck[] {
  const views = viewsOf(image);
  if (views.length === 1) return views.flatMap(check);
  return views.flatMap((view, index) =>
    check(view, index).map((each) => ({ ...each, subject: `${view.name}: ${each.subject}` })),
  );
}

function verdictOn(checks: readonly ImageCheck[], labels: Labels): ImageVerdict {
  return { isVerified: checks.every(({ result }) => result !== 'failed'), checks, labels };
}

const damageCodes: ReadonlySet<ErrorCode> = new Set(['blob', 'tar', 'tree', 'image', 'archive']);

/** True of errors that say that an image is damaged, not that it could not be reached. */
export function isDamage(error: unknown): error is GscError {
  return error instanceof GscError && damageCodes.has(error.code);
}

/** The verdict on an image that is so damaged that it cannot be read. */
export function damagedImage({ subject, detail }: GscError): ImageVerdict {
  return verdictOn([failed('image', { subject, detail })], {});
}
