import * as v from 'valibot';
import { strictObjectOf } from '../base/object-schema.ts';
import { type AttestPolicy, attestSection, defaultAttestPolicy, toAttestPolicy } from './attest-policy.ts';
import { defaultImagePolicy, type ImagePolicy, imageSection, toImagePolicy } from './image-policy.ts';
import { parseYamlFile } from './yaml-file.ts';

/** A policy file: a section for each command that verifies. */
export interface Policy {
  readonly attest: AttestPolicy;
  readonly verifyImage: ImagePolicy;
}

/** What counts without a policy file: strict in everything. */
export const defaultPolicy: Policy = { attest: defaultAttestPolicy, verifyImage: defaultImagePolicy };

const schema = strictObjectOf(
  { attest: v.optional(attestSection), 'verify-image': v.optional(imageSection) },
  'expected sections, like attest',
);

/**
 * Parses a policy: YAML, and so JSON too; `subject` is its file. What it does not mention has the strict default. Throws a `config`
 * error with line and column for unknown keys and values of another kind.
 */
export function parsePolicy(content: string, subject: string): Policy {
  const hint = 'docs/policy.md lists the keys and values';
  const { attest, 'verify-image': image } = parseYamlFile({ content, subject, hint }, schema);
  return {
    attest: attest ? toAttestPolicy(attest) : defaultAttestPolicy,
    verifyImage: image ? toImagePolicy(image) : defaultImagePolicy,
  };
}
