import { hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { assembleArtifact, type Referrer } from '../image/artifact.ts';
import type { Image } from '../image/image.ts';
import { imageTimes } from '../image/image-times.ts';
import type { Referrers } from '../image/referrers.ts';
import { inspectImage } from '../inspect/inspect-image.ts';
import {
  type BuildEvidence,
  bundleAnnotations,
  bundleType,
  isSignedBy,
  parseEvidence,
  signStatement,
} from './evidence-bundle.ts';
import type { EvidenceKey } from './evidence-key.ts';
import { type Statement, statementOf } from './statement.ts';

/** A bundle that is attached to an image: what it says, or why it could not be read. */
export type AttachedEvidence =
  | { readonly referrer: Referrer; readonly evidence: BuildEvidence }
  | { readonly referrer: Referrer; readonly problem: GscError };

/** The evidence attached to an image, in the order of the store. Bundles that cannot be read are listed with the reason. */
export async function findEvidence(image: Image, referrers: Referrers): Promise<readonly AttachedEvidence[]> {
  const found: AttachedEvidence[] = [];
  for (const referrer of await referrers.list(image.manifest)) {
    if (!isBundleType(referrer.artifactType)) continue;
    found.push(await readEvidence(referrer, referrers, image));
  }
  return found;
}

export interface AttestedBuild {
  readonly statement: Statement;
  readonly artifact: Referrer['descriptor'];
  readonly outcome: 'written' | 'unchanged';
}

/**
 * Signs what a signed image says of its build, and attaches it to the image. `unchanged` if this key has said the same already.
 * Throws a `state` error for an image that is not signed.
 */
export async function attestBuild(
  image: Image,
  {
    key,
    repository,
    referrers,
  }: { readonly key: EvidenceKey; readonly repository: string; readonly referrers: Referrers },
): Promise<AttestedBuild> {
  const statement = statementOf(image, await inspectImage(image), { repository });
  const content = signStatement(statement, key);
  const { payload } = parseEvidence(content, image.name);
  for (const attached of await findEvidence(image, referrers)) {
    if (!('evidence' in attached) || !attached.evidence.payload.equals(payload)) continue;
    if (isSignedBy(attached.evidence, key)) {
      return { statement, artifact: attached.referrer.descriptor, outcome: 'unchanged' };
    }
  }
  const annotations = bundleAnnotations(imageTimes(image.config).created);
  const artifact = assembleArtifact({
    artifactType: bundleType,
    subject: image.manifest,
    annotations,
    content,
  });
  const outcome = await referrers.attach(image.manifest, artifact);
  return { statement, artifact: artifact.manifest, outcome };
}

/** What can be said of one piece of evidence about an image. */
export interface EvidenceCheck {
  readonly name: 'signature' | 'subject' | 'statement';
  readonly result: 'ok' | 'failed' | 'not-checked';
  readonly detail: string;
}

/**
 * Checks evidence against the image that it is attached to: whether `key` signed it, whether the image is its subject, and, for
 * statements of gsc's own kind, whether it says what the image itself says.
 */
export async function checkEvidence(
  evidence: BuildEvidence,
  image: Image,
  key: EvidenceKey | undefined,
): Promise<readonly EvidenceCheck[]> {
  return [
    checkSignature(evidence, key),
    checkSubject(evidence, image),
    await checkStatement(evidence, image),
  ];
}

function checkSignature(evidence: BuildEvidence, key: EvidenceKey | undefined): EvidenceCheck {
  const name = 'signature';
  if (key === undefined)
    return { name, result: 'not-checked', detail: 'no key given: --evidence-key checks it' };
  if (isSignedBy(evidence, key)) return { name, result: 'ok', detail: `signed by the key ${key.hint}` };
  const hint = evidence.keyHint ?? 'one with a certificate';
  return {
    name,
    result: 'failed',
    detail: `expected the key ${key.hint}, got another signature (its bundle names ${hint})`,
  };
}

function checkSubject({ statement }: BuildEvidence, { manifest }: Image): EvidenceCheck {
  const name = 'subject';
  const expected = hexOf(manifest.digest);
  const digests = statement.subjects.map(({ sha256 }) => sha256);
  if (digests.length === 0) return { name, result: 'failed', detail: 'the statement has no subject' };
  return digests.includes(expected)
    ? { name, result: 'ok', detail: `sha256:${expected}` }
    : {
        name,
        result: 'failed',
        detail: `expected sha256:${expected}, got ${digests.map((each) => `sha256:${each}`).join(', ')}`,
      };
}

/** A statement is made from the image alone: what this version would say must be what it says. */
async function checkStatement({ statement }: BuildEvidence, image: Image): Promise<EvidenceCheck> {
  const name = 'statement';
  const repository = statement.subjects[0]?.name ?? '';
  const expected = statementOf(image, await inspectImage(image), { repository });
  const { buildType } = expected.predicate.buildDefinition;
  const got = buildTypeOf(statement.predicate);
  if (statement.predicateType !== expected.predicateType || got !== buildType) {
    return { name, result: 'not-checked', detail: `made by another tool: ${got ?? statement.predicateType}` };
  }
  const differing = differences(expected, statement.json);
  return differing.length === 0
    ? { name, result: 'ok', detail: 'it says what the image says' }
    : { name, result: 'failed', detail: `it differs from the image in ${differing.slice(0, 3).join(', ')}` };
}

function buildTypeOf(predicate: unknown): string | undefined {
  const found = (predicate as { buildDefinition?: { buildType?: unknown } } | null)?.buildDefinition
    ?.buildType;
  return typeof found === 'string' ? found : undefined;
}

/** The paths at which two JSON values differ: `predicate.runDetails.byproducts.0.digest.sha256`. */
function differences(expected: unknown, got: unknown, path = ''): readonly string[] {
  if (typeof expected !== 'object' || typeof got !== 'object' || expected === null || got === null) {
    return Object.is(expected, got) ? [] : [path];
  }
  const keys = new Set([...Object.keys(expected), ...Object.keys(got)]);
  return [...keys].flatMap((key) => {
    const [one, other] = [expected, got].map((value) => (value as Record<string, unknown>)[key]);
    return differences(one, other, path === '' ? key : `${path}.${key}`);
  });
}

async function readEvidence(
  referrer: Referrer,
  referrers: Referrers,
  image: Image,
): Promise<AttachedEvidence> {
  try {
    const bytes = await referrers.read(referrer);
    return {
      referrer,
      evidence: parseEvidence(bytes, `${image.name}: evidence ${referrer.descriptor.digest}`),
    };
  } catch (error) {
    if (error instanceof GscError && ['evidence', 'image', 'blob'].includes(error.code))
      return { referrer, problem: error };
    throw error;
  }
}

/** Bundles of later versions are listed too, and said to be unreadable if they are. */
function isBundleType(artifactType: string | undefined): boolean {
  return /^application\/vnd\.dev\.sigstore\.bundle\b/.test(artifactType ?? '');
}
