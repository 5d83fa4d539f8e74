import { digestOf, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import type { ImagePath } from '../base/image-path.ts';
import { type GramineEnclave, layOutGramineEnclave } from '../enclave/gramine-enclave.ts';
import type { Graminized } from '../graminize/graminize.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import { labels, stateOf } from '../image/labels.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import { type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { parseRuntimeVersion, type RuntimeVersion } from '../runtime/version.ts';
import { readTopFiles } from '../scan/read-top-files.ts';
import { type MeasuredEnclave, measureLaidOut } from '../signature/sign-enclave.ts';
import type { MeasurementStore } from '../workspace/scan-cache.ts';
import { type AppliedOverride, type EnclaveOverrides, overrideComplete } from './enclave-overrides.ts';
import { stripSignature } from './strip-signature.ts';

/** What `graminize` makes: an unsigned image whose enclave is laid out, so that nothing is read out of its layers. */
export type UnsignedImage = Pick<Graminized, 'image' | 'enclave'>;

export interface MeasureOptions {
  /** In place of the manifest's keys. */
  readonly overrides?: EnclaveOverrides;
  /** Remembers measurements, so that an enclave is measured once, whatever the number of keys. */
  readonly measurements?: MeasurementStore;
}

/** An unsigned image with its enclave as it will be signed. */
export interface MeasuredImage extends UnsignedImage {
  readonly measured: MeasuredEnclave;
  readonly applied: readonly AppliedOverride[];
}

/**
 * Measures the enclave of an image that is to be signed. A signed image is taken without its signature. Throws a `state` error
 * for an image that is not graminized, `manifest`, `elf` and `enclave` errors for an enclave that Gramine would not start.
 */
export async function measureImage(
  given: Image | UnsignedImage,
  { overrides = {}, measurements }: MeasureOptions = {},
): Promise<MeasuredImage> {
  const { image, enclave: own } = 'enclave' in given ? given : await readUnsignedImage(given);
  const { manifest, applied } = overrideComplete(new CompleteManifest(own.manifest.root), overrides);
  const enclave =
    applied.length === 0
      ? own
      : layOutGramineEnclave(manifest, { libpal: own.libpal, subject: 'libpal.so', version: own.version });
  return { image, enclave, applied, measured: await measureOnce(enclave, measurements) };
}

async function measureOnce(
  enclave: GramineEnclave,
  measurements: MeasurementStore | undefined,
): Promise<MeasuredEnclave> {
  if (measurements === undefined) return measureLaidOut(enclave);
  const { manifest, libpal, version } = enclave;
  const source = digestOf(
    JSON.stringify([version.family, version.text, digestOf(manifest.bytes), digestOf(libpal)]),
  );
  const known = await measurements.load(source);
  const measured = measureLaidOut(enclave, known);
  if (known === undefined) await measurements.save(source, measured.mrEnclave);
  return measured;
}

/** Reads the enclave out of an image that was stored. */
async function readUnsignedImage(given: Image): Promise<UnsignedImage> {
  const version = runtimeVersionOf(given);
  const isSigned = stateOf(given.config.config?.Labels ?? {}) === 'signed';
  const image = isSigned ? await stripSignature(given) : given;
  const parts = await readParts(image);
  const manifest = CompleteManifest.parse(parts.manifest, `${image.name}: ${graminizedPaths.manifest}`);
  if (parts.libos !== undefined) checkRuntimeHash(manifest.root, parts.libos, image.name);
  const program = { libpal: parts.libpal, subject: 'libpal.so', version };
  return { image, enclave: layOutGramineEnclave(manifest, program) };
}

function runtimeVersionOf(image: Image): RuntimeVersion {
  const found = image.config.config?.Labels ?? {};
  if (stateOf(found) !== 'app') return parseRuntimeVersion(found[labels.runtimeVersion] ?? '');
  throw new GscError({
    code: 'state',
    subject: image.name,
    message: 'expected an unsigned graminized image, got one that is not graminized',
    hint: 'make it with gsc build first',
  });
}

interface EnclaveParts {
  readonly manifest: Buffer;
  readonly libpal: Buffer;
  /** Not there if the image has the very layer of the runtime that it was built with: then it is as the manifest says. */
  readonly libos: Buffer | undefined;
}

/** From the layer of the app files alone; images of earlier releases have a part in the layer of the runtime. */
async function readParts(image: Image): Promise<EnclaveParts> {
  const runtimeLayer = image.config.config?.Labels?.[labels.runtimeLayer];
  const hasOwnRuntime = image.layers.some(({ diffId }) => diffId === runtimeLayer);
  const { manifest, libpal, libos } = graminizedPaths;
  const files = await readTopFiles(image, [manifest, libpal, ...(hasOwnRuntime ? [] : [libos])]);
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
  return { manifest: part(manifest), libpal: part(libpal), libos: hasOwnRuntime ? undefined : part(libos) };
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
