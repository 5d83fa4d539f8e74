import type { CheckResult } from '../attest/checklist.ts';

/** The groups of checks, in the order in which they are made and shown, with their checks. */
export const checkGroups = {
  signature: ['image', 'sigstruct', 'sigstruct-signature', 'sigstruct-quotients', 'signer'],
  measurement: ['manifest', 'mrenclave', 'sigstruct-fields', 'signing-date', 'trusted-children'],
  files: ['trusted-files', 'mounts', 'library-os', 'program', 'libraries'],
  launch: [
    'manifest-copy',
    'entrypoint',
    'run-config',
    'launch-files',
    'own-directories',
    'labels',
    'base-layers',
    'added-layers',
  ],
  rebuild: ['base-image', 'rebuild'],
  runtime: ['runtime'],
  policy: [
    'policy-debug',
    'policy-insecure-options',
    'policy-allowed-files',
    'policy-host-environment',
    'policy-host-arguments',
    'policy-product',
    'policy-isvsvn',
    'policy-signer',
    'policy-runtime',
    'policy-base',
    'policy-age',
  ],
  evidence: ['evidence'],
} as const;

export type CheckGroup = keyof typeof checkGroups;
export type ImageCheckName = (typeof checkGroups)[CheckGroup][number];

/**
 * What guards the thing that a check is about when the image runs: it goes into MRENCLAVE, the enclave checks it when it opens
 * it, or nothing does: it decides what is started, but cannot change the enclave.
 */
export type Protection = 'measured' | 'checked-at-open' | 'not-protected';

/** One line of a verdict on an image. */
export interface ImageCheck {
  readonly name: ImageCheckName;
  readonly result: CheckResult;
  /** What it is about: a path in the image, a field, a layer, a label. */
  readonly subject: string;
  /** What was found; or what failed, with expected and got; or why it was not checked and what would check it. */
  readonly detail: string;
  readonly protection?: Protection;
  /** A diff or a list that belongs to it, a line each. */
  readonly lines?: readonly string[];
}

/** What a check says besides its name. */
export type Finding = Omit<ImageCheck, 'name' | 'result'>;

export function ok(name: ImageCheckName, finding: Finding): ImageCheck {
  return { name, result: 'ok', ...finding };
}

export function failed(name: ImageCheckName, finding: Finding): ImageCheck {
  return { name, result: 'failed', ...finding };
}

export function notChecked(name: ImageCheckName, finding: Finding): ImageCheck {
  return { name, result: 'not-checked', ...finding };
}

/** The failures if there are any, else one line that says what is right. */
export function okUnless(
  failures: readonly ImageCheck[],
  name: ImageCheckName,
  finding: () => Finding,
): readonly ImageCheck[] {
  return failures.length > 0 ? failures : [ok(name, finding())];
}

/** More of a kind are counted, not shown. */
const mostShown = 50;

/** A failure for each finding; of very many the first ones, and a line that counts the others. */
export function failures(
  name: ImageCheckName,
  findings: readonly Finding[],
  what: string,
): readonly ImageCheck[] {
  const shown = findings.slice(0, mostShown).map((finding) => failed(name, finding));
  const more = findings.length - shown.length;
  return more === 0 ? shown : [...shown, failed(name, { subject: what, detail: `${more} more of them` })];
}

/** `expected X, got Y`. */
export function mismatch(expected: unknown, got: unknown): string {
  return `expected ${String(expected)}, got ${String(got)}`;
}
