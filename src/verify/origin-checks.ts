import { isDigest } from '../base/digest.ts';
import { beginsWith } from '../image/append.ts';
import { labels } from '../image/labels.ts';
import type { Selection } from '../policy/attest-policy.ts';
import type { ImagePolicy } from '../policy/image-policy.ts';
import { type Runtime, runtimeDigest } from '../runtime/runtime.ts';
import { failed, type ImageCheck, type ImageCheckName, mismatch, notChecked, ok } from './check.ts';
import type { GraminizedImage } from './graminized-image.ts';
import { runtimeFilesIn } from './image-runtime.ts';
import type { RebuildSource } from './rebuild.ts';

export interface OriginContext {
  readonly policy: ImagePolicy;
  /** What the user has, to compare with: an image that has it needs no label to say so. */
  readonly base: Pick<RebuildSource, 'app' | 'name'> | undefined;
  readonly runtime: Runtime | undefined;
}

/** Group 7: what the user of an image accepts that it is made of, whatever its enclaves. */
export function originChecks(image: GraminizedImage, context: OriginContext): readonly ImageCheck[] {
  return [runtimeCheck(image, context), baseCheck(image, context)];
}

function runtimeCheck(image: GraminizedImage, { policy, runtime }: OriginContext): ImageCheck {
  const digest = runtimeDigest({ files: runtimeFilesIn(image) });
  const isGiven = runtime !== undefined && runtimeDigest(runtime) === digest;
  const { [labels.family]: family, [labels.runtimeVersion]: text } = image.labels;
  const version = isGiven ? runtime.version : text === undefined ? undefined : { family, text };
  const names = version ? [version.text, `${version.family} ${version.text}`] : [];
  const named: Named = {
    subject: 'runtime',
    proven: isGiven ? [...names, digest] : [digest],
    stated: isGiven ? [] : names,
    shows: (name) => isGiven || isDigest(name),
    remedy: `--runtime REF with the same files proves it, or ${digest} among the runtimes of the policy accepts these files`,
  };
  return selectionCheck('policy-runtime', named, policy.runtimes);
}

function baseCheck({ image, labels: found }: GraminizedImage, { policy, base }: OriginContext): ImageCheck {
  const { [labels.baseName]: baseName, [labels.baseDigest]: baseDigest } = found;
  const isGiven = base !== undefined && beginsWith(image, base.app);
  const digest = isGiven && !base.app.isManifestSynthesized ? base.app.manifest.digest : undefined;
  // An image with another digest is not the one that the label is about.
  const isContradicted = digest !== undefined && digest !== baseDigest;
  const proven = present([digest, isGiven ? base.name : undefined]);
  const stated = isContradicted ? [] : present([baseDigest, baseName]);
  const named: Named = {
    subject: 'app image',
    proven,
    stated: stated.filter((name) => !proven.includes(name)),
    shows: () => isGiven,
    remedy: '--base with the app image of that name proves it',
  };
  return selectionCheck('policy-base', named, policy.bases);
}

function present(names: readonly (string | undefined)[]): readonly string[] {
  return names.filter((name) => name !== undefined);
}

/** A thing that a policy accepts or refuses by its names. */
interface Named {
  readonly subject: string;
  /** What the files in the image, or its signature, show. */
  readonly proven: readonly string[];
  /** What only a label says: it can refuse an image, but not accept it. */
  readonly stated?: readonly string[];
  /** Whether the proven names would show that the thing has this name; true for all without it. */
  readonly shows?: (name: string) => boolean;
  /** What would prove what is only stated. */
  readonly remedy?: string;
}

/** Of the names of a thing one must be accepted, and none refused. */
export function selectionCheck(
  name: ImageCheckName,
  { subject, proven, stated = [], shows = () => true, remedy = '' }: Named,
  { accepted, refused }: Selection,
): ImageCheck {
  const got = [...stated, ...proven];
  const shown = got.join(', ') || 'unknown';
  const bad = got.find((each) => refused.includes(each));
  if (bad !== undefined) return failed(name, { subject, detail: `the policy refuses ${bad}` });
  const isAccepted = (each: string) => accepted === undefined || accepted.includes(each);
  const expected = accepted?.join(' or ');
  if (accepted && !got.some(isAccepted)) return judge(name, subject, true, { got: shown, expected });
  const isProven = accepted ? proven.some(isAccepted) : refused.every(shows);
  if (isProven) return judge(name, subject, false, { got: shown, expected });
  const claim =
    stated.length === 0 ? 'what it is called is not known' : `${stated.join(', ')}: only a label says so`;
  return notChecked(name, { subject, detail: `${claim}; ${remedy}` });
}

/** A check of one value: `expected` is undefined where the policy accepts any. */
export function judge(
  name: ImageCheckName,
  subject: string,
  isRefused: boolean | undefined,
  { got, expected }: { readonly got: string; readonly expected: string | undefined },
): ImageCheck {
  if (isRefused) return failed(name, { subject, detail: mismatch(expected, got) });
  const detail = expected === undefined ? `${got}: the policy accepts any` : `${got}, as the policy demands`;
  return ok(name, { subject, detail });
}
