import { pageSizeBytes, roundUpToPage } from './address.ts';
import { type EnclaveImage, spanOf } from './enclave-image.ts';
import type { EnclaveRules } from './enclave-rules.ts';
import type { EnclaveSettings } from './enclave-settings.ts';
import { type Area, secinfoBits, segmentArea, zeroArea } from './memory-area.ts';

/** All that an enclave is made of. */
export interface EnclaveParts {
  /** The bytes of the `.manifest.sgx` file. */
  readonly manifest: Buffer;
  readonly libpal: EnclaveImage;
  /** Only where the rules have an area for it. */
  readonly executable?: EnclaveImage;
  readonly settings: Pick<
    EnclaveSettings,
    'sizeBytes' | 'maxThreads' | 'hasEdmm' | 'isNonPie' | 'namesStaticAddress'
  >;
  readonly rules: EnclaveRules;
}

/** Two SSA frames per thread: one for the interrupted thread, one for its exception handler (Gramine's `SSA_FRAME_NUM`). */
export const ssaFramesPerThread = 2n;

// Gramine's and Graphene's enclave configuration headers.
const stackSizeBytes = 0x40000n;
const sigStackSizeBytes = 0x10000n;

/** What is placed as one: it may become several areas. */
export interface Block {
  readonly kind: Area['kind'];
  readonly sizeBytes: bigint;
  readonly count: number;
  /** The address that an ELF file linked to one insists on. */
  readonly fixedAddress?: bigint;
  readonly areasAt: (start: bigint) => readonly Area[];
}

/** The blocks from the top of the enclave downwards; one with a `count` stands for so many equal ones. */
export function blocksOf(parts: EnclaveParts): Block[] {
  const { maxThreads } = parts.settings;
  const threads = BigInt(maxThreads);
  const ssaBytes = threads * ssaFramesPerThread * BigInt(parts.rules.ssaFramePages) * pageSizeBytes;
  const zeros = (kind: Area['kind'], sizeBytes: bigint, count: number): Block => ({
    kind,
    sizeBytes,
    count,
    areasAt: (start) => [zeroArea(kind, start, sizeBytes)],
  });
  return [
    manifestBlock(parts),
    zeros('ssa', ssaBytes, 1),
    threadPages('tcs', secinfoBits.tcs, threads),
    threadPages('tls', secinfoBits.regular | secinfoBits.read | secinfoBits.write, threads),
    zeros('stack', stackSizeBytes, maxThreads),
    zeros('sig-stack', sigStackSizeBytes, maxThreads),
    elfBlock('pal', parts.libpal),
    ...(parts.executable ? [elfBlock('executable', parts.executable)] : []),
  ];
}

/** The manifest's length as it is measured. */
export function manifestSizeOf({ manifest, rules }: EnclaveParts): bigint {
  return BigInt(manifest.length) + (rules.hasTerminatedManifest ? 1n : 0n);
}

function manifestBlock(parts: EnclaveParts): Block {
  const sizeBytes = roundUpToPage(manifestSizeOf(parts));
  const areaAt = (start: bigint): Area => ({
    kind: 'manifest',
    start,
    end: start + sizeBytes,
    secinfo: secinfoBits.regular | secinfoBits.read,
    isMeasured: true,
    content: { kind: 'bytes', bytes: parts.manifest, skippedBytes: 0 },
  });
  return { kind: 'manifest', sizeBytes, count: 1, areasAt: (start) => [areaAt(start)] };
}

function threadPages(kind: 'tcs' | 'tls', secinfo: number, threads: bigint): Block {
  const sizeBytes = threads * pageSizeBytes;
  const areaAt = (start: bigint): Area => ({
    kind,
    start,
    end: start + sizeBytes,
    secinfo,
    isMeasured: true,
    content: { kind },
  });
  return { kind, sizeBytes, count: 1, areasAt: (start) => [areaAt(start)] };
}

function elfBlock(kind: 'pal' | 'executable', image: EnclaveImage): Block {
  const span = spanOf(image);
  return {
    kind,
    sizeBytes: span.end - span.start,
    count: 1,
    ...(span.start === 0n ? {} : { fixedAddress: span.start }),
    areasAt: (start) => image.segments.map((each) => segmentArea(kind, each, start - span.start)),
  };
}
