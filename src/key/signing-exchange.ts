import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { GscError } from '../base/error.ts';
import { objectOf, strictObjectOf } from '../base/object-schema.ts';
import { describeShape } from '../base/shape-problem.ts';
import { describeSignedBytes } from '../signature/describe-sigstruct.ts';
import type { SigningFacts } from '../signature/signer.ts';
import { rsaSizeBytes } from '../signature/sigstruct.ts';

/** `docs/signer.schema.json` is made of these two shapes. */
const base64 = v.pipe(
  v.string(),
  v.regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'expected base64'),
);

/** What an external program gets on its standard input. */
export const signingRequestShape = strictObjectOf({
  version: v.literal(1),
  algorithm: v.literal('RSASSA-PKCS1-v1_5-SHA256'),
  message: base64,
  sha256: base64,
  mr_enclave: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  image: v.nullable(v.string()),
  date: v.pipe(v.string(), v.regex(/^\d{4}-\d{2}-\d{2}$/)),
});

/** What it answers, and what a file with a signature that was made elsewhere holds. */
export const signingAnswerShape = objectOf({
  signature: base64,
  modulus: base64,
  message: v.optional(base64),
});

/** A signature, by whose key it is, and of what. */
export interface SigningAnswer {
  /** 384 bytes, big-endian, like the modulus. */
  readonly signature: Buffer;
  readonly modulus: Buffer;
  /** The bytes that were signed, where the answer repeats them. */
  readonly message: Buffer | undefined;
}

/** The request to sign a message, as one line of JSON. */
export function writeSigningRequest(message: Buffer, facts: SigningFacts = {}): string {
  const { mrEnclave, date } = describeSignedBytes(message, 'message');
  const request: v.InferOutput<typeof signingRequestShape> = {
    version: 1,
    algorithm: 'RSASSA-PKCS1-v1_5-SHA256',
    message: message.toString('base64'),
    sha256: createHash('sha256').update(message).digest('base64'),
    mr_enclave: mrEnclave,
    image: facts.image ?? null,
    date,
  };
  return `${JSON.stringify(request)}\n`;
}

/** The answer of a program, or a file of that form, as one line of JSON. */
export function writeSigningAnswer({ signature, modulus, message }: SigningAnswer): string {
  const text = (bytes: Buffer) => bytes.toString('base64');
  return `${JSON.stringify({ signature: text(signature), modulus: text(modulus), ...(message && { message: text(message) }) })}\n`;
}

/** Reads an answer. Throws a `key` error, which quotes nothing of it, for any other content. */
export function parseSigningAnswer(text: string, subject: string): SigningAnswer {
  const parsed = v.safeParse(signingAnswerShape, parseObject(text, subject));
  if (!parsed.success) throw answerError(subject, `its answer is wrong: ${describeShape(parsed.issues)}`);
  const bytes = (value: string) => Buffer.from(value, 'base64');
  const { signature, modulus, message } = parsed.output;
  const answer = { signature: bytes(signature), modulus: withoutZeros(bytes(modulus)) };
  if (answer.modulus.length !== rsaSizeBytes)
    throw answerError(
      subject,
      `expected the modulus of an RSA-3072 key, ${rsaSizeBytes} bytes, got ${answer.modulus.length}`,
    );
  if (answer.signature.length !== rsaSizeBytes)
    throw answerError(
      subject,
      `expected a signature of ${rsaSizeBytes} bytes, got ${answer.signature.length}`,
    );
  return { ...answer, message: message === undefined ? undefined : bytes(message) };
}

function parseObject(text: string, subject: string): unknown {
  if (text.trim() === '') throw answerError(subject, 'expected one JSON object, got nothing');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw answerError(
      subject,
      `expected one JSON object, got ${text.length} characters of something else`,
      cause,
    );
  }
}

/** ASN.1 writes a modulus with a zero in front. */
function withoutZeros(bytes: Buffer): Buffer {
  return bytes.length === rsaSizeBytes + 1 && bytes[0] === 0 ? bytes.subarray(1) : bytes;
}

function answerError(subject: string, message: string, cause?: unknown): GscError {
  return new GscError({
    code: 'key',
    subject,
    message,
    hint: 'the answer is {"signature": BASE64, "modulus": BASE64}; see docs/external-signers.md',
    ...(cause !== undefined && { cause }),
  });
}
