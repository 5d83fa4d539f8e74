import { createHash } from 'node:crypto';
import { GscError } from '../base/error.ts';
import type { Image } from '../image/image.ts';
import { imageTimes } from '../image/image-times.ts';
import { labels } from '../image/labels.ts';
import { type InsecureOption, insecureOptions } from '../manifest/insecure-options.ts';
import { isArray, isTable, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { describeSignedBytes } from '../signature/describe-sigstruct.ts';
import type { MeasuredEnclave } from '../signature/sign-enclave.ts';
import { unsignedSigstructOf } from '../signature/sign-enclave.ts';
import { checkSignature, messageToSign } from '../signature/sign-sigstruct.ts';
import type { Signer } from '../signature/signer.ts';
import { mrSignerOf } from '../signature/verify-sigstruct.ts';
import type { AppliedOverride } from './enclave-overrides.ts';
import { debugEnclave } from './sign-image.ts';
import { type MeasureOptions, measureImage } from './unsigned-enclave.ts';
import type { UnsignedImage } from './unsigned-image.ts';

export interface PrepareSignatureOptions extends MeasureOptions {
  /** `YYYY-MM-DD`; by default the day (UTC) on which the unsigned image was created. */
  readonly date?: string;
}

/** What is to be signed elsewhere, and what whoever signs should know of it. */
export interface PreparedSignature {
  /** The 256 bytes to sign with RSASSA-PKCS1-v1_5 and SHA-256. */
  readonly message: Buffer;
  readonly date: string;
  readonly measured: MeasuredEnclave;
  readonly applied: readonly AppliedOverride[];
  /** The digest of the unsigned image's manifest, and of what it was made of. */
  readonly imageDigest: string;
  readonly base: { readonly name: string | undefined; readonly digest: string | undefined };
  readonly insecure: readonly InsecureOption[];
  readonly trustedFiles: {
    readonly count: number;
    /** SHA-256 of the list, a line `HASH  URI` for each file in the manifest's order. */
    readonly digest: string;
  };
}

/** Prepares the signing of an image by a key that is elsewhere. Throws what {@link measureImage} throws. */
export async function prepareSignature(
  unsigned: Image | UnsignedImage,
  { date: given, ...measuring }: PrepareSignatureOptions = {},
): Promise<PreparedSignature> {
  const { image, enclave, enclaves, measured, applied } = await measureImage(unsigned, measuring);
  if (enclaves.length > 1) throw severalEnclaves(image);
  const date = given ?? imageTimes(image.config).day;
  const found = image.config.config?.Labels ?? {};
  return {
    message: messageToSign(unsignedSigstructOf(enclave, measured, date)),
    ...{ date, measured, applied },
    imageDigest: image.manifest.digest,
    base: { name: found[labels.baseName], digest: found[labels.baseDigest] },
    insecure: insecureOptions(enclave.manifest.root, enclave.version.release),
    trustedFiles: listTrustedFiles(enclave.manifest.root),
  };
}

/** The measurements of enclaves that an enclave may start do not depend on signatures, but each is signed by itself. */
function severalEnclaves({ name }: Image): GscError {
  return new GscError({
    code: 'usage',
    subject: name,
    message: 'the image has several enclaves, and a message to sign is of one',
    hint: 'sign it with a KEY',
  });
}

function listTrustedFiles(manifest: TomlTable): PreparedSignature['trustedFiles'] {
  const files = valueAt(manifest, ['sgx', 'trusted_files']);
  const hash = createHash('sha256');
  const list = isArray(files) ? files.filter(isTable) : [];
  for (const file of list) hash.update(`${String(file.get('sha256'))}  ${String(file.get('uri'))}\n`);
  return { count: list.length, digest: `sha256:${hash.digest('hex')}` };
}

export interface SignPreparedOptions {
  readonly signer: Signer;
  /** What errors call the message: the name of its file. */
  readonly subject: string;
  /** False: a debug enclave is signed only by a key that says it is for tests. True by default. */
  readonly allowsDebug?: boolean;
  readonly image?: string;
}

/** A signature that was made of a prepared message. */
export interface PreparedMessageSignature {
  readonly signature: Buffer;
  readonly modulus: Buffer;
  readonly message: Buffer;
  /** 64 hex digits. */
  readonly mrSigner: string;
}

/**
 * Signs what {@link prepareSignature} prepared, and verifies the signature. Throws a `sigstruct` error for other bytes, an
 * `enclave` error for a debug enclave that may not be signed, a `key` error for a signer that does not do its work.
 */
export async function signPrepared(
  message: Buffer,
  { signer, subject, allowsDebug = true, image }: SignPreparedOptions,
): Promise<PreparedMessageSignature> {
  const { isDebug } = describeSignedBytes(message, subject);
  if (isDebug && !allowsDebug && signer.isForTests !== true) throw debugEnclave({ name: subject });
  const signature = await signer.sign(message, image === undefined ? {} : { image });
  const { modulus } = signer;
  checkSignature(message, { modulus, signature, subject: signer.subject });
  return { signature, modulus, message, mrSigner: mrSignerOf(Buffer.from(modulus).reverse()) };
}
