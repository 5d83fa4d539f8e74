import { digestOf } from '../base/digest.ts';
import { baseNameOf } from '../base/image-path.ts';
import { type GramineEnclave, layOutGramineEnclave } from '../enclave/gramine-enclave.ts';
import { type EnclavePlan, layOutPlan, type Measured } from '../signature/enclave-plan.ts';
import { fillSigstruct, type MeasuredEnclave, measureLaidOut } from '../signature/sign-enclave.ts';
import { decodeSigstruct, encodeSigstruct, type Sigstruct } from '../signature/sigstruct.ts';
import { sigstructRulesOf } from '../signature/sigstruct-rules.ts';
import { failed, failures, type ImageCheck, mismatch, notChecked, ok, okUnless } from './check.ts';
import {
  attempt,
  attemptLater,
  type GraminizedImage,
  type Maybe,
  type ReadEnclave,
  viewsOf,
} from './graminized-image.ts';

/** What the enclaves of an image are and measure now, from the files in it. */
export interface MeasuredFiles {
  readonly layouts: ReadonlyMap<ReadEnclave['files'], Maybe<GramineEnclave>>;
  readonly enclaves: ReadonlyMap<ReadEnclave['files'], Maybe<MeasuredEnclave>>;
  /** The MRENCLAVEs by which an enclave trusts another one. */
  readonly bySigstruct: Measured;
}

/** Measures the enclaves of an image, from manifest, PAL and, where the release measures it, program. */
export async function measureFiles(image: GraminizedImage): Promise<MeasuredFiles> {
  const layouts = new Map<ReadEnclave['files'], Maybe<GramineEnclave>>();
  const enclaves = new Map<ReadEnclave['files'], Maybe<MeasuredEnclave>>();
  const bySigstruct = new Map<string, string>();
  // One that may start another comes before it, and is signed after it.
  for (const view of viewsOf(image).toReversed()) {
    const layout = await layOutView(view, bySigstruct);
    const measured = attempt(layout, (enclave) => measureLaidOut(enclave));
    layouts.set(view.files, layout);
    enclaves.set(view.files, measured);
    if (measured.value) bySigstruct.set(baseNameOf(view.files.sigstruct), measured.value.mrEnclave);
  }
  return { layouts, enclaves, bySigstruct };
}

function layOutView(view: GraminizedImage, known: Measured): Promise<Maybe<GramineEnclave>> {
  const { manifestBytes, isSigned } = view;
  return attemptLater(planOf(view), async (plan) => {
    const bytes = manifestBytes.value ?? plan.manifest.bytes;
    return isSigned
      ? layOutGramineEnclave({ root: plan.manifest.root, bytes }, plan)
      : await layOutPlan(plan, known);
  });
}

/** All that an enclave is made of, as it lies in the image. */
export function planOf(view: GraminizedImage): Maybe<EnclavePlan> {
  const { manifest, manifestBytes, libpal, version, executable, files, places } = view;
  if (manifest.problem !== undefined) return { problem: `${view.manifestPath}: ${manifest.problem}` };
  if (manifestBytes.problem !== undefined) return manifestBytes;
  if (libpal.problem !== undefined) return { problem: `${places.libpal}: ${libpal.problem}` };
  if (executable.problem !== undefined) return executable;
  return attempt(version, (release) => ({
    ...{ files, manifest: manifest.value, version: release, libpal: libpal.value },
    subject: places.libpal,
    ...(executable.value && { executable: executable.value }),
  }));
}

/** Group 2: MRENCLAVE and the other fields of the SIGSTRUCT are those of this manifest, this PAL and this program. */
export function measurementChecks(
  image: GraminizedImage,
  measured: Maybe<MeasuredEnclave>,
  expected: string | undefined,
): readonly ImageCheck[] {
  return [
    manifestCheck(image),
    mrEnclaveCheck(image, measured),
    ...(expected === undefined ? [] : [expectedCheck(measured, expected)]),
    ...fieldChecks(image, measured),
    dateCheck(image),
  ];
}

function manifestCheck({ manifest, manifestBytes, manifestPath }: GraminizedImage): ImageCheck {
  const finding = { subject: manifestPath, protection: 'measured' } as const;
  if (manifest.problem !== undefined || manifestBytes.problem !== undefined)
    return failed('manifest', { ...finding, detail: manifest.problem ?? manifestBytes.problem ?? '' });
  const { trustedFileCount } = manifest.value;
  const detail = `${trustedFileCount} trusted files, ${digestOf(manifestBytes.value)}`;
  return ok('manifest', { ...finding, detail });
}

function mrEnclaveCheck(
  { signature, executable }: GraminizedImage,
  measured: Maybe<MeasuredEnclave>,
): ImageCheck {
  const finding = { subject: 'MRENCLAVE', protection: 'measured' } as const;
  if (measured.problem !== undefined)
    return failed('mrenclave', { ...finding, detail: `it cannot be computed: ${measured.problem}` });
  const { mrEnclave } = measured.value;
  if (signature.value === undefined) {
    const detail = `${mrEnclave} by computation; there is no SIGSTRUCT to compare it with`;
    return notChecked('mrenclave', { ...finding, detail });
  }
  const expected = signature.value.mrEnclave;
  if (mrEnclave === expected) return ok('mrenclave', { ...finding, detail: mrEnclave });
  const detail = `${mismatch(`${expected} (SIGSTRUCT)`, mrEnclave)} from ${madeOf(executable)}: one of them is not what was signed`;
  return failed('mrenclave', { ...finding, detail });
}

function madeOf({ value: executable }: Maybe<Buffer | undefined>): string {
  return executable === undefined ? 'manifest and libpal.so' : 'manifest, PAL and program';
}

function expectedCheck(measured: Maybe<MeasuredEnclave>, expected: string): ImageCheck {
  const finding = { subject: '--mrenclave', protection: 'measured' } as const;
  const got = measured.value?.mrEnclave ?? 'none';
  return got === expected
    ? ok('mrenclave', { ...finding, detail: 'it is the expected one' })
    : failed('mrenclave', { ...finding, detail: mismatch(expected, got) });
}

/** Not of the choice of who signs: all but the date, the key and what follows from it. */
function fieldChecks(
  { sigstruct, version, signature }: GraminizedImage,
  measured: Maybe<MeasuredEnclave>,
): readonly ImageCheck[] {
  const name = 'sigstruct-fields';
  const needs = { subject: 'SIGSTRUCT', detail: 'needs a SIGSTRUCT and a manifest that can be read' };
  const { value: release } = version;
  if (!sigstruct.value || !signature.value || !measured.value || !release) return [notChecked(name, needs)];
  const got = decodeSigstruct(sigstruct.value, 'SIGSTRUCT');
  const { date, isDebug, isvProdId, isvSvn } = signature.value;
  const filled = fillSigstruct(measured.value, date, sigstructRulesOf(release));
  const expected = decodeSigstruct(encodeSigstruct(filled), 'SIGSTRUCT');
  const differing = comparedFields.filter((field) => show(got[field]) !== show(expected[field]));
  const found = differing.map((field) => ({
    subject: `SIGSTRUCT ${field}`,
    detail: `${mismatch(show(expected[field]), show(got[field]))}: the manifest's settings give another value`,
  }));
  return okUnless(failures(name, found, 'SIGSTRUCT'), name, () => ({
    subject: 'SIGSTRUCT',
    detail: `ISVPRODID ${isvProdId}, ISVSVN ${isvSvn}, ${isDebug ? 'DEBUG' : 'not debug'}, attributes ${show(got.flags)}, XFRM ${show(got.xfrm)}, MISCSELECT ${show(got.miscSelect)}: as the manifest says`,
  }));
}

const comparedFields = [
  'vendor',
  'swDefined',
  'miscSelect',
  'miscMask',
  'cetAttributes',
  'cetAttributesMask',
  'isvFamilyId',
  'flags',
  'xfrm',
  'flagsMask',
  'xfrmMask',
  'mrEnclave',
  'isvExtProdId',
  'isvProdId',
  'isvSvn',
] as const satisfies readonly (keyof Sigstruct)[];

function show(value: number | bigint | Uint8Array): string {
  return typeof value === 'object' ? Buffer.from(value).toString('hex') : `0x${value.toString(16)}`;
}

function dateCheck({ signature }: GraminizedImage): ImageCheck {
  const subject = 'SIGSTRUCT date';
  if (signature.value === undefined)
    return notChecked('signing-date', { subject, detail: 'needs a SIGSTRUCT that is well-formed' });
  const { date } = signature.value;
  // Of whoever signs: a date proves an age to nobody who does not trust the key.
  return isDay(date)
    ? ok('signing-date', { subject, detail: `${date}, as the signer wrote it` })
    : failed('signing-date', { subject, detail: mismatch('a day of the calendar', date) });
}

function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
