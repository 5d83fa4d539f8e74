import { pageSizeBytes } from './address.ts';
import { type LoadSegment, pagesOf } from './enclave-image.ts';

/** What an area holds. `pal` and `executable` areas are one per segment of their ELF file. */
export type AreaKind =
  | 'manifest'
  | 'ssa'
  | 'tcs'
  | 'tls'
  | 'stack'
  | 'sig-stack'
  | 'pal'
  | 'executable'
  | 'free';

/** The content of an area's pages; what `bytes` leave uncovered is zero. */
export type AreaContent =
  | { readonly kind: 'zeros' }
  | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly skippedBytes: number }
  | { readonly kind: 'tcs' }
  | { readonly kind: 'tls' };

/** Neighbouring pages of an enclave that are added with the same flags: absolute addresses, whole pages. */
export interface Area {
  readonly kind: AreaKind;
  readonly start: bigint;
  readonly end: bigint;
  /** SECINFO flags as in the EADD record: R 1, W 2, X 4; page type TCS 0x100 or REG 0x200. SDM vol. 3D, "SECINFO". */
  readonly secinfo: number;
  /** True if the content is measured (EEXTEND), not only the fact that the page is there (EADD). */
  readonly isMeasured: boolean;
  readonly content: AreaContent;
}

export const secinfoBits = { read: 0x1, write: 0x2, execute: 0x4, tcs: 0x100, regular: 0x200 } as const;

/** The permissions of an area as `ls` shows them: `RW-`; a TCS page has none. */
export function permissionsOf(area: Area): string {
  const { read, write, execute } = secinfoBits;
  const bits = [read, write, execute];
  return [...'RWX'].map((letter, index) => (area.secinfo & (bits[index] ?? 0) ? letter : '-')).join('');
}

/** An area of zero bytes that may be read and written: SSA frames and stacks. */
export function zeroArea(kind: AreaKind, start: bigint, sizeBytes: bigint): Area {
  const secinfo = secinfoBits.regular | secinfoBits.read | secinfoBits.write;
  return { kind, start, end: start + sizeBytes, secinfo, isMeasured: true, content: { kind: 'zeros' } };
}

/** The heap, or a part of it: its pages are added readable, writable and executable, without their content. */
export function freeArea(start: bigint, end: bigint): Area {
  const { regular, read, write, execute } = secinfoBits;
  const secinfo = regular | read | write | execute;
  return { kind: 'free', start, end, secinfo, isMeasured: false, content: { kind: 'zeros' } };
}

/**
 * A segment of an ELF file that is loaded `bias` bytes above its link address. Of its first page, what lies before
 * the segment's first byte is zero, not what the file has there.
 */
export function segmentArea(kind: 'pal' | 'executable', segment: LoadSegment, bias: bigint): Area {
  const pages = pagesOf(segment);
  const skippedBytes = Number(segment.address % pageSizeBytes);
  // ELF has X 1, W 2, R 4; SECINFO has R 1, W 2, X 4. Old Graphene makes every page of the executable writable.
  const permissions =
    ((segment.flags & 4) >> 2) | (segment.flags & 2) | ((segment.flags & 1) << 2) | (kind === 'pal' ? 0 : 2);
  return {
    kind,
    start: pages.start + bias,
    end: pages.end + bias,
    secinfo: secinfoBits.regular | permissions,
    isMeasured: true,
    content: { kind: 'bytes', bytes: segment.bytes, skippedBytes },
  };
}
