import { GscError } from '../base/error.ts';
import { appendLayers } from '../image/append.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import { imageTimes } from '../image/image-times.ts';
import { labels } from '../image/labels.ts';
import { mediaTypes } from '../image/media-type.ts';
import { addedLayer } from '../layer/added-layer.ts';
import { type SignedEnclave, signLaidOut } from '../signature/sign-enclave.ts';
import type { Signer } from '../signature/signer.ts';
import type { AppliedOverride } from './enclave-overrides.ts';
import { type MeasureOptions, measureImage, type UnsignedImage } from './unsigned-enclave.ts';

export interface SignImageOptions extends MeasureOptions {
  readonly signer: Signer;
  /** `YYYY-MM-DD`; by default the day (UTC) on which the unsigned image was created. */
  readonly date?: string;
  /** How messages call the result; by default as the unsigned image. */
  readonly name?: string;
  /** False: a debug enclave is signed only by a key that says it is for tests. True by default. */
  readonly allowsDebug?: boolean;
  /** MRSIGNER of the only key that may sign; 64 hex digits. By default any. */
  readonly mrSigner?: string;
}

export interface SignedImage {
  readonly image: Image;
  readonly enclave: SignedEnclave;
  readonly date: string;
  /** The keys of the manifest that were overridden. */
  readonly applied: readonly AppliedOverride[];
}

/**
 * Signs a graminized image: measures its enclave and adds a layer with `entrypoint.manifest.sgx` and `entrypoint.sig`, in place of
 * such a layer if the image is signed already. Same image, key and date, same bytes. The signature is verified. Throws a `state`
 * error for an image that is not graminized, `manifest`, `elf` and `enclave` errors for an enclave that Gramine would not start
 * and for a debug enclave that may not be signed, `key` errors for a signer that does not do its work, or is not the wanted one.
 */
export async function signImage(
  unsigned: Image | UnsignedImage,
  { signer, name, date: given, allowsDebug = true, mrSigner, ...measuring }: SignImageOptions,
): Promise<SignedImage> {
  const { image, enclave, measured, applied } = await measureImage(unsigned, measuring);
  if (measured.settings.isDebug && !allowsDebug && signer.isForTests !== true) throw debugEnclave(image);
  const date = given ?? imageTimes(image.config).day;
  const facts = { image: name ?? image.name };
  const signed = await signLaidOut(enclave, { signer, date, facts, mrEnclave: measured.mrEnclave });
  if (mrSigner !== undefined && mrSigner !== signed.mrSigner) throw wrongSigner(signer, signed, mrSigner);
  const { bytes } = enclave.manifest;
  return { image: appendSignature(image, bytes, signed, facts.image), enclave: signed, date, applied };
}

/** The host reads and changes a debug enclave as it likes; a signature that people trust should not be on one by accident. */
export function debugEnclave({ name }: Pick<Image, 'name'>): GscError {
  return new GscError({
    code: 'enclave',
    subject: name,
    message: 'this is a debug enclave (sgx.debug = true), whose memory the host can read',
    hint: 'sign it with --no-debug; for tests, with --allow-debug or a key of gsc gen-private-key --test',
  });
}

function wrongSigner(signer: Signer, { mrSigner }: SignedEnclave, expected: string): GscError {
  return new GscError({
    code: 'key',
    subject: signer.subject,
    message: `expected a signature by the key with MRSIGNER ${expected}, got one by ${mrSigner}`,
    hint: 'sign with that key',
  });
}

function appendSignature(unsigned: Image, manifestSgx: Buffer, enclave: SignedEnclave, name: string): Image {
  const { created, epochSeconds } = imageTimes(unsigned.config);
  const layer = addedLayer(
    [
      { path: graminizedPaths.manifestSgx, mode: 0o644, content: manifestSgx },
      { path: graminizedPaths.sigstruct, mode: 0o644, content: enclave.sigstruct },
    ],
    {
      comment: 'gsc sign-image: manifest and SIGSTRUCT',
      hasDirectory: () => true,
      mtimeSeconds: epochSeconds,
      isDocker: unsigned.manifest.mediaType === mediaTypes.dockerManifest,
    },
  );
  return appendLayers(unsigned, {
    name,
    layers: [layer],
    created,
    configure: (config) => ({ ...config, Labels: { ...config.Labels, ...signatureLabels(enclave) } }),
  });
}

function signatureLabels({ mrEnclave, mrSigner, settings }: SignedEnclave): Record<string, string> {
  return {
    [labels.mrEnclave]: mrEnclave,
    [labels.mrSigner]: mrSigner,
    [labels.isvProdId]: String(settings.isvProdId),
    [labels.isvSvn]: String(settings.isvSvn),
  };
}
