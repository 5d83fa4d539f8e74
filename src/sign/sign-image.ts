import { baseNameOf } from '../base/image-path.ts';
import type { Graminized } from '../graminize/graminize.ts';
import { appendLayers } from '../image/append.ts';
import type { Image } from '../image/image.ts';
import { imageTimes } from '../image/image-times.ts';
import { labels } from '../image/labels.ts';
import { mediaTypes } from '../image/media-type.ts';
import { type AddedFile, addedLayer } from '../layer/added-layer.ts';
import type { EnclaveFiles } from '../runtime/places.ts';
import { layOutPlan } from '../signature/enclave-plan.ts';
import { type SignedEnclave, signLaidOut } from '../signature/sign-enclave.ts';
import type { Signer } from '../signature/signer.ts';
import { readUnsignedImage } from './unsigned-image.ts';

export interface SignImageOptions {
  readonly signer: Signer;
  /** `YYYY-MM-DD`; by default the day (UTC) on which the unsigned image was created. */
  readonly date?: string;
  /** How messages call the result; by default as the unsigned image. */
  readonly name?: string;
}

/** What `graminize` makes: an unsigned image whose enclaves are planned, so that nothing is read out of its layers. */
export type UnsignedImage = Pick<Graminized, 'image' | 'plans'> & Partial<Pick<Graminized, 'enclave'>>;

export interface SignedImage {
  readonly image: Image;
  /** That of the program which starts first. */
  readonly enclave: SignedEnclave;
  /** All of them, in the order in which they were signed, by their `.sig` files; the first program's is the last. */
  readonly enclaves: readonly NamedEnclave[];
  readonly date: string;
}

/** One of the enclaves of an image. */
export interface NamedEnclave {
  readonly files: EnclaveFiles;
  readonly enclave: SignedEnclave;
}

/**
 * Signs a graminized image: measures its enclaves and adds a layer with the `.manifest.sgx` and the `.sig` of each. An enclave that
 * another one may start is signed before it, which holds its measurement. Same image, key and date, same bytes. Throws a `state`
 * error for an image that is not graminized or signed already, `manifest`, `elf` and `enclave` errors for an enclave that
 * would not start.
 */
export async function signImage(
  unsigned: Image | UnsignedImage,
  { signer, name, date: given }: SignImageOptions,
): Promise<SignedImage> {
  const read: UnsignedImage = 'plans' in unsigned ? unsigned : await readUnsignedImage(unsigned);
  const { image, plans, enclave: laidOut } = read;
  const date = given ?? imageTimes(image.config).day;
  const measured = new Map<string, string>();
  const enclaves: NamedEnclave[] = [];
  const files: AddedFile[] = [];
  for (const plan of plans) {
    const isLaidOut = laidOut !== undefined && plans.length === 1;
    const enclave = isLaidOut ? laidOut : await layOutPlan(plan, measured);
    const signed = await signLaidOut(enclave, { signer, date });
    const { manifestSgx, sigstruct } = plan.files;
    measured.set(baseNameOf(sigstruct), signed.mrEnclave);
    enclaves.push({ files: plan.files, enclave: signed });
    files.push({ path: manifestSgx, mode: 0o644, content: enclave.manifest.bytes });
    files.push({ path: sigstruct, mode: 0o644, content: signed.sigstruct });
  }
  const main = enclaves.at(-1);
  if (main === undefined) throw new RangeError('an image without an enclave');
  const signed = appendSignature(image, files, { enclave: main.enclave, name: name ?? image.name });
  return { image: signed, enclave: main.enclave, enclaves, date };
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
