import { componentsOf, showBytes } from '../base/image-path.ts';
import { showCount, showCounted, showSeconds, showSecondsRange, showSize } from '../base/show-size.ts';
import type { CheckGroup, ImageCheck, Protection } from '../verify/check.ts';
import type { AddressRange, AddressSpace } from './address-space.ts';
import { type FlowKind, flowKinds } from './data-flow.ts';
import { bytesIn, type FileState, type FileSum, fileStates, type MappedPlace } from './file-map.ts';
import type { ImageReport, ManifestReport } from './image-report.ts';
import type { LevelRow } from './left-out.ts';
import type { Origin, ProgramReport } from './program-report.ts';
import { mapBoxes } from './treemap.ts';

/** A name with its value; the value is set as code unless it is a phrase. */
export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly isPhrase?: true;
  /** What has to be known of the value. */
  readonly note?: string;
}

export const groupTitles: Readonly<Record<CheckGroup, string>> = {
  signature: 'Image and signature',
  measurement: 'Measurement',
  files: 'Files',
  launch: 'How it is started',
  rebuild: 'Built again',
  runtime: 'Runtime',
  policy: 'Policy',
  evidence: 'Evidence of the build',
};

export const resultTexts: Readonly<Record<ImageCheck['result'], string>> = {
  ok: 'ok',
  failed: 'failed',
  'not-checked': 'not checked',
};

export const guardTexts: Readonly<Record<Protection, string>> = {
  measured: 'measured',
  'checked-at-open': 'checked at open',
  'not-protected': 'not protected',
};

export const stateTexts: Readonly<Record<FileState, string>> = {
  trusted: 'trusted',
  runtime: "Gramine's own",
  host: 'open to the host',
  'left-out': 'left out',
};

export const flowTitles: Readonly<Record<FlowKind, string>> = {
  checked: 'From the image, checked',
  memory: "In the enclave's memory",
  encrypted: 'On the host, encrypted',
  attested: 'By attestation',
  host: 'With the host, unprotected',
};

const areaTexts: Readonly<Record<AddressRange['kind'], string>> = {
  manifest: 'manifest',
  ssa: 'SSA frames',
  tcs: 'TCS pages',
  tls: 'thread data',
  stack: 'stacks',
  'sig-stack': 'signal stacks',
  pal: 'libpal.so',
  executable: 'program',
  free: 'heap',
  heap: 'heap, added while it runs',
  gap: 'nothing',
};

const measuredTexts: Readonly<Record<AddressRange['measured'], string>> = {
  content: 'content',
  presence: 'that the pages are there',
  nothing: 'no',
};

/** How many checks came to what. */
export function verdictText({ checks, isVerified, isSigned }: ImageReport): string {
  const results = checks.flatMap((table) => table.checks.map(({ result }) => result));
  const countOf = (wanted: string) => showCount(results.filter((result) => result === wanted).length);
  const counts = `${countOf('ok')} checks ok, ${countOf('failed')} failed, ${countOf('not-checked')} not checked`;
  const verdict = isVerified ? 'No check failed' : isSigned ? 'Not verified' : 'Not signed';
  return `${verdict}: ${counts}`;
}

/** What the page opens with. */
export function headFacts(report: ImageReport): readonly Fact[] {
  const { identity, manifest, enclave, runtime, base, toolVersion, imageId, digest } = report;
  const own = manifest.value?.selection.levels.find(({ isOwn }) => isOwn);
  const optional = (name: string, value: string | undefined, note?: string): readonly Fact[] =>
    value === undefined ? [] : [{ name, value, ...(note !== undefined && { note }) }];
  return [
    ...identityFacts(identity),
    ...(enclave.value ? [enclaveFact(enclave.value)] : []),
    ...(own ? [trustedFact(own, manifest.value)] : []),
    {
      name: 'Runtime',
      value: [runtime.version, ...runtime.patches].join(', '),
      isPhrase: true,
    },
    ...optional('App image', base.name, base.digest),
    ...optional('Image ID', imageId),
    ...optional('Digest', digest),
    ...optional('Made by gsc', toolVersion),
  ];
}

function identityFacts({ mrEnclave, signature, problem }: ImageReport['identity']): readonly Fact[] {
  if (signature === undefined) {
    const state = problem === undefined ? 'none' : problem;
    const note = 'computed; signing with another product, version or debug setting changes it';
    return [
      { name: 'Signature', value: state, isPhrase: true },
      ...(mrEnclave === undefined ? [] : [{ name: 'MRENCLAVE', value: mrEnclave, note }]),
    ];
  }
  const { mrSigner, isvProdId, isvSvn, date, isDebug } = signature;
  return [
    { name: 'MRENCLAVE', value: signature.mrEnclave },
    { name: 'MRSIGNER', value: mrSigner },
    {
      name: 'Signature',
      value: `product ${isvProdId}, version (ISVSVN) ${isvSvn}, ${isDebug ? 'DEBUG enclave' : 'production enclave'}, dated ${date}`,
      isPhrase: true,
    },
  ];
}

function enclaveFact({
  sizeBytes,
  threadCount,
  hasEdmm,
}: NonNullable<ImageReport['enclave']['value']>): Fact {
  const memory = `${showBinarySize(sizeBytes)}${hasEdmm ? ', added as it is used' : ''}`;
  return { name: 'Enclave', value: `${memory}; ${showCounted(threadCount, 'thread')}`, isPhrase: true };
}

function trustedFact(own: LevelRow, manifest: ManifestReport | undefined): Fact {
  const start = manifest?.hasPredictedStart
    ? `; ${levelSeconds(own)} to read their list at each start (predicted)`
    : '';
  const value = `${showCount(own.trustedFileCount)} entries${start}`;
  return { name: 'Trusted files', value, isPhrase: true };
}

/** Sizes of enclaves are powers of two, and so are their units: SDM and manifests count so. */
export function showBinarySize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${Number(value.toFixed(1))} ${units[unit]}`;
}

export function levelSeconds({ least, most }: LevelRow): string {
  return showSecondsRange(least, most);
}

export function linearSeconds({ linearMost }: LevelRow): string {
  return showSeconds(linearMost);
}

export const originTexts: Readonly<Record<Origin, string>> = { manifest: 'the manifest', host: 'the host' };

export function argumentsText(origin: ProgramReport['arguments']): string {
  switch (origin) {
    case 'manifest':
      return 'in the manifest, measured';
    case 'host':
      return 'these, unless the host gives others, which it may';
    case 'file':
      return 'a file has them';
  }
}

export function showSum({ count, sizeBytes }: FileSum): string {
  return count === 0 ? '–' : `${showCounted(count, 'file')}, ${showSize(sizeBytes)}`;
}

export function placeName({ path, isRest }: MappedPlace): string {
  return isRest ? `${showBytes(path)} (all else)` : showBytes(path);
}

/** The end of a name tells more than its beginning, where there is no room for both. */
function shortName({ path, isRest }: MappedPlace): string {
  const components = componentsOf(path);
  const shown = components.length > 2 ? `…/${showBytes(components.at(-1) ?? '')}` : showBytes(path);
  return isRest ? `${shown} (all else)` : shown;
}

/** A box of the map as its style and its texts. */
export function boxView(box: ReturnType<typeof mapBoxes>[number]) {
  const { left, top, width, height, place, state, sizeBytes } = box;
  const name = placeName(place);
  return {
    ...{ state, name: shortName(place), size: showSize(sizeBytes) },
    style: `left:${left}%;top:${top}%;width:${width}%;height:${height}%`,
    title: `${name}: ${stateTexts[state]}, ${showSum(box)}`,
  };
}

/** The places with the largest first. */
export function placesBySize(places: readonly MappedPlace[]): readonly MappedPlace[] {
  return [...places].sort((a, b) => bytesIn(b.sums) - bytesIn(a.sums));
}

/** A range of the strip: how wide it is beside the others, and its texts. */
export function rangeView(range: AddressRange) {
  const { kind, start, end, sizeBytes, permissions, measured, areaCount } = range;
  const name = areaCount > 1 ? `${areaCount} ${areaTexts[kind]}` : areaTexts[kind];
  return {
    kind: kind === 'heap' ? 'free' : kind,
    name: kind === 'pal' ? 'libpal.so' : name,
    addresses: `${showAddress(start)} – ${showAddress(end)}`,
    size: showBinarySize(sizeBytes),
    permissions,
    measured: measuredTexts[measured],
    // A page, the least there is, is as wide as its name needs; twice the size adds the same width each time.
    weight: Number((1 + Math.log2(Math.max(1, sizeBytes / 4096))).toFixed(2)),
  };
}

function showAddress(address: bigint): string {
  return `0x${address.toString(16)}`;
}

export function stripText({ ranges, start, end }: AddressSpace): string {
  const held = ranges.filter(({ kind }) => kind !== 'gap').map((range) => rangeView(range).name);
  return `The addresses of the enclave from ${showAddress(start)} to ${showAddress(end)}: ${held.join(', ')}`;
}

/** What templates call. */
export const viewFunctions = {
  ...{
    argumentsText,
    boxView,
    flowKinds,
    fileStates,
    flowTitles,
    groupTitles,
    guardTexts,
    headFacts,
    levelSeconds,
  },
  ...{ linearSeconds, mapBoxes, originTexts, placeName, placesBySize, rangeView, resultTexts, showCount },
  ...{ showCounted, showSize, showSum, stateTexts, stripText, verdictText },
};
