import { type Bundle, bundleFromJSON, bundleToJSON, toDSSEBundle } from '@sigstore/bundle';
import { GscError } from '../base/error.ts';
import { oneLine } from '../base/printable-text.ts';
import { canonicalJson } from '../json/canonical-json.ts';
import { parseJson } from '../json/parse-json.ts';
import type { EvidenceKey } from './evidence-key.ts';
import { isSignatureOf, signBytes } from './signed-bytes.ts';
import { provenanceType, type Statement, statementType } from './statement.ts';

/** The type of a sigstore bundle v0.3, as artifact, as layer and in itself. */
export const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const payloadType = 'application/vnd.in-toto+json';

/** A bundle with a statement, parsed and not yet believed. */
export interface BuildEvidence {
  /** The exact bytes that were signed. */
  readonly payload: Buffer;
  readonly signature: Buffer;
  /** What the bundle says of its key; undefined for a certificate. */
  readonly keyHint: string | undefined;
  readonly statement: StatementClaims;
}

/** The part of a foreign statement that every in-toto Statement has. */
export interface StatementClaims {
  readonly predicateType: string;
  readonly subjects: readonly { readonly name: string; readonly sha256: string | undefined }[];
  readonly predicate: unknown;
  /** The whole statement. */
  readonly json: object;
}

/** The annotations by which cosign lists a bundle without reading it. */
export function bundleAnnotations(created: string): Readonly<Record<string, string>> {
  return {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': provenanceType,
    'org.opencontainers.image.created': created,
  };
}

/** Signs a statement: DSSE v1 in a sigstore bundle v0.3, as JSON. With Ed25519 the same statement gives the same bytes. */
export function signStatement(statement: Statement, key: EvidenceKey): Buffer {
  const payload = canonicalJson(statement);
  const signature = signBytes({ type: payloadType, bytes: payload }, key);
  const bundle = toDSSEBundle({ artifact: payload, artifactType: payloadType, signature, keyHint: key.hint });
  return canonicalJson(bundleToJSON(bundle));
}

/** True if the key signed the evidence. */
export function isSignedBy({ payload, signature }: BuildEvidence, key: EvidenceKey): boolean {
  return isSignatureOf({ type: payloadType, bytes: payload }, signature, key);
}

/** Reads a bundle with an in-toto Statement. Throws an `evidence` error. Nothing in it is verified. */
export function parseEvidence(bytes: Buffer, subject: string): BuildEvidence {
  const bundle = parseBundle(bytes, subject);
  const { content, verificationMaterial } = bundle;
  if (content.$case !== 'dsseEnvelope')
    throw notEvidence(subject, 'a DSSE envelope', 'the signature of a file');
  const { payload, payloadType: type, signatures } = content.dsseEnvelope;
  if (type !== payloadType)
    throw notEvidence(subject, `the payload type ${payloadType}`, oneLine(JSON.stringify(type)));
  const [signature, ...others] = signatures;
  if (signature === undefined || others.length > 0) {
    throw notEvidence(subject, 'one signature', String(signatures.length));
  }
  const { content: material } = verificationMaterial;
  return {
    payload,
    signature: signature.sig,
    keyHint: material.$case === 'publicKey' ? material.publicKey.hint : undefined,
    statement: readStatement(parsedJson(payload, subject, 'a JSON object as payload'), subject),
  };
}

function parseBundle(bytes: Buffer, subject: string): Bundle {
  const value = parsedJson(bytes, subject, 'a sigstore bundle');
  try {
    return bundleFromJSON(value);
  } catch (error) {
    throw notEvidence(subject, 'a sigstore bundle', `something else (${oneLine((error as Error).message)})`);
  }
}

function readStatement(value: unknown, subject: string): StatementClaims {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw notEvidence(subject, 'a JSON object as payload', 'something else');
  }
  const claims: Record<string, unknown> = { ...value };
  if (claims._type !== statementType)
    throw notEvidence(subject, statementType, oneLine(JSON.stringify(claims._type) ?? 'nothing'));
  const subjects = Array.isArray(claims.subject) ? claims.subject : [];
  return {
    predicateType: String(claims.predicateType),
    subjects: subjects.map((each: unknown) => {
      const { name, digest } = (each ?? {}) as { name?: unknown; digest?: { sha256?: unknown } | null };
      const sha256 = digest?.sha256;
      return {
        name: String(name ?? ''),
        sha256: typeof sha256 === 'string' ? sha256.toLowerCase() : undefined,
      };
    }),
    predicate: claims.predicate,
    json: value,
  };
}

/** Others wrote it: what is nested without end, or is not UTF-8, is refused before anything walks through it. */
function parsedJson(bytes: Buffer, subject: string, expected: string): unknown {
  const { problem } = parseJson(bytes);
  if (problem !== undefined) throw notEvidence(subject, expected, problem);
  return JSON.parse(bytes.toString('utf8'));
}

function notEvidence(subject: string, expected: string, got: string): GscError {
  return new GscError({
    code: 'evidence',
    subject,
    message: `expected ${expected}, got ${got}`,
    hint: 'gsc evidence show lists what is attached to the image',
  });
}
