import { sign, verify } from 'node:crypto';
import { type Bundle, bundleFromJSON, bundleToJSON, toDSSEBundle } from '@sigstore/bundle';
import { dsse } from '@sigstore/core';
import { GscError } from '../base/error.ts';
import { canonicalJson } from '../json/canonical-json.ts';
import type { EvidenceKey } from './evidence-key.ts';
import { provenanceType, type Statement, statementType } from './statement.ts';

/** The type of a sigstore bundle v0.3, as artifact, as layer and in itself. */
export const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const payloadType = 'application/vnd.in-toto+json';

/** A bundle with a statement, parsed and not yet believed. */
export interface BuildEvidence {
  readonly bundle: Bundle;
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
export function signStatement(statement: Statement, { key, hint }: EvidenceKey): Buffer {
  const payload = canonicalJson(statement);
  const signature = sign(hashOf(key), dsse.preAuthEncoding(payloadType, payload), key);
  const bundle = toDSSEBundle({ artifact: payload, artifactType: payloadType, signature, keyHint: hint });
  return canonicalJson(bundleToJSON(bundle));
}

/** True if the key signed the evidence. */
export function isSignedBy({ payload, signature }: BuildEvidence, { key }: EvidenceKey): boolean {
  return verify(hashOf(key), dsse.preAuthEncoding(payloadType, payload), key, signature);
}

/** Reads a bundle with an in-toto Statement. Throws an `evidence` error. Nothing in it is verified. */
export function parseEvidence(bytes: Buffer, subject: string): BuildEvidence {
  const bundle = parseBundle(bytes, subject);
  const { content, verificationMaterial } = bundle;
  if (content.$case !== 'dsseEnvelope')
    throw notEvidence(subject, 'a DSSE envelope', 'the signature of a file');
  const { payload, payloadType: type, signatures } = content.dsseEnvelope;
  if (type !== payloadType)
    throw notEvidence(subject, `the payload type ${payloadType}`, JSON.stringify(type));
  const [signature, ...others] = signatures;
  if (signature === undefined || others.length > 0) {
    throw notEvidence(subject, 'one signature', String(signatures.length));
  }
  const { content: material } = verificationMaterial;
  return {
    bundle,
    payload,
    signature: signature.sig,
    keyHint: material.$case === 'publicKey' ? material.publicKey.hint : undefined,
    statement: readStatement(payload, subject),
  };
}

function parseBundle(bytes: Buffer, subject: string): Bundle {
  try {
    return bundleFromJSON(JSON.parse(bytes.toString('utf8')));
  } catch (error) {
    throw notEvidence(subject, 'a sigstore bundle', `something else (${(error as Error).message})`);
  }
}

function readStatement(payload: Buffer, subject: string): StatementClaims {
  const value = parseObject(payload, subject);
  if (value._type !== statementType) throw notEvidence(subject, statementType, JSON.stringify(value._type));
  const subjects = Array.isArray(value.subject) ? value.subject : [];
  return {
    predicateType: String(value.predicateType),
    subjects: subjects.map((each: unknown) => {
      const { name, digest } = (each ?? {}) as { name?: unknown; digest?: { sha256?: unknown } | null };
      const sha256 = digest?.sha256;
      return {
        name: String(name ?? ''),
        sha256: typeof sha256 === 'string' ? sha256.toLowerCase() : undefined,
      };
    }),
    predicate: value.predicate,
  };
}

function parseObject(payload: Buffer, subject: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below: what is not JSON is not a statement either.
  }
  throw notEvidence(subject, 'a JSON object as payload', 'something else');
}

/** Ed25519 hashes by itself. */
function hashOf({ asymmetricKeyType }: EvidenceKey['key']): 'sha256' | null {
  return asymmetricKeyType === 'ed25519' ? null : 'sha256';
}

function notEvidence(subject: string, expected: string, got: string): GscError {
  return new GscError({
    code: 'evidence',
    subject,
    message: `expected ${expected}, got ${got}`,
    hint: 'gsc evidence show lists what is attached to the image',
  });
}
