import { GscError } from '../base/error.ts';
import { appendLayers } from '../image/append.ts';
import type { Image } from '../image/image.ts';
import { imageTimes } from '../image/image-times.ts';
import { labels } from '../image/labels.ts';
import { mediaTypes } from '../image/media-type.ts';
import { type AddedFile, addedLayer } from '../layer/added-layer.ts';
import type { EnclaveFiles } from '../runtime/places.ts';
import { type SignedEnclave, signLaidOut } from '../signature/sign-enclave.ts';
import type { Signer } from '../signature/signer.ts';
import type { AppliedOverride } from './enclave-overrides.ts';
import { type MeasureOptions, measureImage } from './unsigned-enclave.ts';
import type { UnsignedImage } from './unsigned-image.ts';

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
  /** That of the program which starts first. */
  readonly enclave: SignedEnclave;
  /** All of them, in the order in which they were signed; the first program's is the last. */
  readonly enclaves: readonly NamedEnclave[];
  readonly date: string;
  /** The keys of the manifest that were overridden. */
  readonly applied: readonly AppliedOverride[];
}

/** One of the enclaves of an image. */
export interface NamedEnclave {
  readonly files: EnclaveFiles;
  readonly enclave: SignedEnclave;
}

/**
 * Signs a graminized image: measures its enclaves and adds a layer with the `.manifest.sgx` and the `.sig` of each, in place of
 * such a layer if the image is signed already. Same image, key and date, same bytes. The signatures are verified. Throws a `state`
 * error for an image that is not graminized, `manifest`, `elf` and `enclave` errors for an enclave that would not start
 * and for a debug enclave that may not be signed, `key` errors for a signer that does not do its work, or is not the wanted one.
 */
export async function signImage(
  unsigned: Image | UnsignedImage,
  { signer, name, date: given, allowsDebug = true, mrSigner, ...measuring }: SignImageOptions,
): Promise<SignedImage> {
  const { image, enclaves: all, applied } = await measureImage(unsigned, measuring);
  const isDebug = all.some(({ measured }) => measured.settings.isDebug);
  if (isDebug && !allowsDebug && signer.isForTests !== true) throw debugEnclave(image);
  const date = given ?? imageTimes(image.config).day;
  const facts = { image: name ?? image.name };
  const enclaves: NamedEnclave[] = [];
  const added: AddedFile[] = [];
  for (const { files, enclave, measured } of all) {
    const signed = await signLaidOut(enclave, { signer, date, facts, mrEnclave: measured.mrEnclave });
    if (mrSigner !== undefined && mrSigner !== signed.mrSigner) throw wrongSigner(signer, signed, mrSigner);
    enclaves.push({ files, enclave: signed });
    added.push({ path: files.manifestSgx, mode: 0o644, content: enclave.manifest.bytes });
    added.push({ path: files.sigstruct, mode: 0o644, content: signed.sigstruct });
  }
  const main = enclaves.at(-1);
  if (main === undefined) throw new RangeError('an image without an enclave');
  const result = appendSignature(image, added, { enclave: main.enclave, name: facts.image });
  return { image: result, enclave: main.enclave, enclaves, date, applied };
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

function appendSignature(
  unsigned: Image,
  files: readonly AddedFile[],
  { enclave, name }: { readonly enclave: SignedEnclave; readonly name: string },
): Image {
  const { created, epochSeconds } = imageTimes(unsigned.config);
  const layer = addedLayer(files, {
    comment: 'gsc sign-image: manifest and SIGSTRUCT',
    hasDirectory: () => true,
    mtimeSeconds: epochSeconds,
    isDocker: unsigned.manifest.mediaType === mediaTypes.dockerManifest,
  });
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
