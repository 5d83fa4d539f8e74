import { digestOf, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import type { ImagePath } from '../base/image-path.ts';
import { layOutGramineEnclave } from '../enclave/gramine-enclave.ts';
import type { Graminized } from '../graminize/graminize.ts';
import { appendLayers } from '../image/append.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import { imageTimes } from '../image/image-times.ts';
import { labels, stateOf } from '../image/labels.ts';
import { mediaTypes } from '../image/media-type.ts';
import { addedLayer } from '../layer/added-layer.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import { type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { libpalPath } from '../runtime/launch.ts';
import { parseRuntimeVersion, type RuntimeVersion } from '../runtime/version.ts';
import { readTopFiles } from '../scan/read-top-files.ts';
import { type SignedEnclave, signLaidOut } from '../signature/sign-enclave.ts';
import type { Signer } from '../signature/signer.ts';

const sgxLibpal = libpalPath('sgx');

export interface SignImageOptions {
  readonly signer: Signer;
  /** `YYYY-MM-DD`; by default the day (UTC) on which the unsigned image was created. */
  readonly date?: string;
  /** How messages call the result; by default as the unsigned image. */
  readonly name?: string;
}

/** What `graminize` makes: an unsigned image whose enclave is laid out, so that nothing is read out of its layers. */
export type UnsignedImage = Pick<Graminized, 'image' | 'enclave'>;

export interface SignedImage {
  readonly image: Image;
  readonly enclave: SignedEnclave;
  readonly date: string;
}

/**
 * Signs a graminized image: measures its enclave and adds a layer with `entrypoint.manifest.sgx` and `entrypoint.sig`.
 * Same image, key and date, same bytes. Throws a `state` error for an image that is not graminized or signed already,
 * `manifest`, `elf` and `enclave` errors for an enclave that Gramine would not start.
 */
export async function signImage(
  unsigned: Image | UnsignedImage,
  { signer, name, date: given }: SignImageOptions,
): Promise<SignedImage> {
  const { image, enclave } = 'enclave' in unsigned ? unsigned : await readUnsignedImage(unsigned);
  const date = given ?? imageTimes(image.config).day;
  const signed = await signLaidOut(enclave, { signer, date });
  const { bytes } = enclave.manifest;
  return { image: appendSignature(image, bytes, signed, name ?? image.name), enclave: signed, date };
}

/** Reads the enclave out of an image that was stored. */
async function readUnsignedImage(image: Image): Promise<UnsignedImage> {
  const version = runtimeVersionOf(image);
  const parts = await readParts(image);
  const manifest = CompleteManifest.parse(parts.manifest, `${image.name}: ${graminizedPaths.manifest}`);
  checkRuntimeHash(manifest.root, parts.libos, image.name);
  const program = { libpal: parts.libpal, subject: 'libpal.so', version };
  return { image, enclave: layOutGramineEnclave(manifest, program) };
}

function runtimeVersionOf(image: Image): RuntimeVersion {
  const found = image.config.config?.Labels ?? {};
  const state = stateOf(found);
  if (state === 'unsigned') return parseRuntimeVersion(found[labels.runtimeVersion] ?? '');
  throw new GscError({
    code: 'state',
    subject: image.name,
    message: `expected an unsigned graminized image, got ${state === 'app' ? 'one that is not graminized' : 'one that is signed already'}`,
    hint: state === 'app' ? 'make it with gsc build first' : 'sign the unsigned image that it was made from',
  });
}

interface EnclaveParts {
  readonly manifest: Buffer;
  readonly libpal: Buffer;
  readonly libos: Buffer;
}

async function readParts(image: Image): Promise<EnclaveParts> {
  const files = await readTopFiles(image, [graminizedPaths.manifest, sgxLibpal, graminizedPaths.libos]);
  const part = (path: ImagePath): Buffer => {
    const content = files.get(path);
    if (content !== undefined) return content;
    throw new GscError({
      code: 'state',
      subject: image.name,
      message: `expected ${path} in the image, where gsc build puts it, got none`,
      hint: 'build the image again with gsc build',
    });
  };
  return {
    manifest: part(graminizedPaths.manifest),
    libpal: part(sgxLibpal),
    libos: part(graminizedPaths.libos),
  };
}

/** Since 1.8 the manifest holds the hash of libsysdb.so; an enclave whose file differs would not start. */
function checkRuntimeHash(manifest: TomlTable, libos: Buffer, name: string): void {
  const expected = valueAt(manifest, ['loader', 'entrypoint', 'sha256']);
  const got = hexOf(digestOf(libos));
  if (expected === undefined || expected === got) return;
  throw new GscError({
    code: 'runtime',
    subject: `${name}: ${graminizedPaths.libos}`,
    message: `expected the SHA-256 that the manifest holds, ${String(expected)}, got ${got}`,
    hint: 'the image was changed after gsc build: build it again',
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
