import { digestOf } from '../base/digest.ts';
import { baseNameOf } from '../base/image-path.ts';
import type { GramineEnclave } from '../enclave/gramine-enclave.ts';
import type { Image } from '../image/image.ts';
import type { EnclaveFiles } from '../runtime/places.ts';
import type { ImageScan } from '../scan/image-scan.ts';
import { layOutPlan } from '../signature/enclave-plan.ts';
import { type MeasuredEnclave, measureLaidOut } from '../signature/sign-enclave.ts';
import type { MeasurementStore } from '../workspace/scan-cache.ts';
import { type AppliedOverride, type EnclaveOverrides, overrideComplete } from './enclave-overrides.ts';
import { readUnsignedImage, type UnsignedImage } from './unsigned-image.ts';

export interface MeasureOptions {
  /** In place of the manifest's keys. */
  readonly overrides?: EnclaveOverrides;
  /** Remembers measurements, so that an enclave is measured once, whatever the number of keys. */
  readonly measurements?: MeasurementStore;
  /** Lists the layers of an image whose program is measured (Graphene until 1.1); by default they are read. `Images.scan` knows them. */
  readonly scan?: (image: Image) => Promise<ImageScan>;
}

/** An enclave of an image as it will be signed. */
export interface NamedMeasurement {
  readonly files: EnclaveFiles;
  readonly enclave: GramineEnclave;
  readonly measured: MeasuredEnclave;
}

/** An unsigned image with its enclaves as they will be signed. */
export interface MeasuredImage extends Pick<NamedMeasurement, 'enclave' | 'measured'> {
  readonly image: Image;
  /** In the order of signing; that of the program which starts first is the last, and is `enclave`. */
  readonly enclaves: readonly NamedMeasurement[];
  readonly applied: readonly AppliedOverride[];
}

/**
 * Measures the enclaves of an image that is to be signed; one that another may start comes before it, which holds its measurement. A
 * signed image is taken without its signature. Throws a `state` error for an image that is not graminized, `manifest`, `elf` and
 * `enclave` errors for an enclave that would not start.
 */
export async function measureImage(
  given: Image | UnsignedImage,
  { overrides = {}, measurements, scan }: MeasureOptions = {},
): Promise<MeasuredImage> {
  const unsigned: UnsignedImage = 'plans' in given ? given : await readUnsignedImage(given, scan);
  const { image, plans, enclave: laidOut } = unsigned;
  const known = new Map<string, string>();
  const enclaves: NamedMeasurement[] = [];
  let applied: readonly AppliedOverride[] = [];
  for (const plan of plans) {
    const overridden = overrideComplete(plan.manifest, overrides);
    applied = overridden.applied;
    const isLaidOut = laidOut !== undefined && plans.length === 1 && applied.length === 0;
    const enclave = isLaidOut ? laidOut : await layOutPlan({ ...plan, manifest: overridden.manifest }, known);
    const measured = await measureOnce(enclave, plan.executable, measurements);
    known.set(baseNameOf(plan.files.sigstruct), measured.mrEnclave);
    enclaves.push({ files: plan.files, enclave, measured });
  }
  const main = enclaves.at(-1);
  if (main === undefined) throw new RangeError('an image without an enclave');
  return { image, enclaves, enclave: main.enclave, measured: main.measured, applied };
}

async function measureOnce(
  enclave: GramineEnclave,
  executable: Buffer | undefined,
  measurements: MeasurementStore | undefined,
): Promise<MeasuredEnclave> {
  if (measurements === undefined) return measureLaidOut(enclave);
  const { manifest, libpal, version } = enclave;
  const contents = [manifest.bytes, libpal, ...(executable ? [executable] : [])];
  const source = digestOf(JSON.stringify([version.family, version.text, ...contents.map(digestOf)]));
  const known = await measurements.load(source);
  const measured = measureLaidOut(enclave, known);
  if (known === undefined) await measurements.save(source, measured.mrEnclave);
  return measured;
}
