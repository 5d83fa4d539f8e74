import { GscError } from '../base/error.ts';
import { type AttachedEvidence, checkEvidence, type EvidenceCheck } from '../evidence/attached-evidence.ts';
import { isSignedBy } from '../evidence/evidence-bundle.ts';
import type { EvidenceKey } from '../evidence/evidence-key.ts';
import type { Image } from '../image/image.ts';
import { failed, type ImageCheck, notChecked, ok } from './check.ts';

/** What is attached to an image, and the key that must have signed it. */
export interface ExpectedEvidence {
  readonly key: EvidenceKey;
  /** Undefined where nothing can be attached: in an Engine, in an archive. */
  readonly attached: readonly AttachedEvidence[] | undefined;
}

const name = 'evidence';

/**
 * Group 8: the evidence that a key has signed is about this image, and says what the image says. Evidence by other keys does not
 * count, but there must be some by this one if there is any.
 */
export async function evidenceChecks(
  image: Image,
  expected: ExpectedEvidence | undefined,
): Promise<readonly ImageCheck[]> {
  if (expected === undefined) return [];
  const { attached, key } = expected;
  if (attached === undefined) {
    const detail = 'only a registry or an OCI layout has it: verify the image there';
    return [notChecked(name, { subject: image.name, detail })];
  }
  if (attached.length === 0) {
    const detail = 'none is attached to this image: gsc attest-build attaches it';
    return [notChecked(name, { subject: image.name, detail })];
  }
  const own = attached.filter((each) => 'evidence' in each && isSignedBy(each.evidence, key));
  if (own.length === 0) {
    const detail = `expected one that the key ${key.hint} signed, got ${attached.length} by other keys or changed since`;
    return [failed(name, { subject: image.name, detail })];
  }
  return (await Promise.all(own.map((each) => checkOne(each, image, key)))).flat();
}

async function checkOne(
  attached: AttachedEvidence,
  image: Image,
  key: EvidenceKey,
): Promise<readonly ImageCheck[]> {
  if (!('evidence' in attached)) return [];
  const subject = attached.referrer.descriptor.digest;
  let checks: readonly EvidenceCheck[];
  try {
    checks = await checkEvidence(attached.evidence, image, key);
  } catch (error) {
    // An image that is not signed, or says nothing that can be read, cannot be what was vouched for.
    if (error instanceof GscError) return [failed(name, { subject, detail: error.detail })];
    throw error;
  }
  const problems = checks.filter(({ result }) => result === 'failed');
  if (problems.length > 0) return problems.map(({ detail }) => failed(name, { subject, detail }));
  const foreign = checks.find(({ result }) => result === 'not-checked');
  if (foreign) return [notChecked(name, { subject, detail: foreign.detail })];
  return [
    ok(name, { subject, detail: `signed by the key ${key.hint}, about this image, and says what it says` }),
  ];
}
