import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod/mini';
import { GscError } from '../base/error.ts';
import { type AttestPolicy, attestSection, defaultAttestPolicy, toAttestPolicy } from './attest-policy.ts';

/** A policy file: a section for each command that verifies. */
export interface Policy {
  readonly attest: AttestPolicy;
}

/** What counts without a policy file: strict in everything. */
export const defaultPolicy: Policy = { attest: defaultAttestPolicy };

const schema = z.strictObject({ attest: z.optional(attestSection) }, 'expected sections, like attest');

/**
 * Parses a policy: YAML, and so JSON too; `subject` is its file. What it does not mention has the strict default. Throws a `config`
 * error with line and column for unknown keys and values of another kind.
 */
export function parsePolicy(content: string, subject: string): Policy {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false, schema: 'failsafe' });
  const placeOf = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${subject}:${line}:${col}`;
  };
  const [syntaxError] = document.errors;
  if (syntaxError) {
    throw policyError(placeOf(syntaxError.pos[0]), `not valid YAML: ${syntaxError.message}`);
  }
  const parsed = schema.safeParse(valuesOf(document, subject));
  if (parsed.success) {
    return { attest: parsed.data.attest ? toAttestPolicy(parsed.data.attest) : defaultAttestPolicy };
  }
  const [issue] = parsed.error.issues as [z.core.$ZodIssue, ...z.core.$ZodIssue[]];
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
  const node = document.getIn(path, true);
  const offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  const message = issue.code === 'unrecognized_keys' ? 'unknown key' : issue.message;
  throw policyError(placeOf(offset), `${path.join('.') || 'the file'}: ${message}`);
}

/** Plain values, empty sections left out; too many aliases are refused by the parser, as they could grow without end. */
function valuesOf(document: Document, subject: string): unknown {
  try {
    const values: unknown = document.toJS() || {};
    if (typeof values !== 'object' || values === null || Array.isArray(values)) return values;
    return Object.fromEntries(Object.entries(values).filter(([, section]) => section !== ''));
  } catch (error) {
    throw policyError(subject, `not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function policyError(subject: string, message: string): GscError {
  return new GscError({ code: 'config', subject, message, hint: 'docs/policy.md lists the keys and values' });
}
