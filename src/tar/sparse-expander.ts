import type { SparseRegion } from './sparse-map.ts';

/** One buffer serves for all holes; it must not be written to. */
const zeros = Buffer.alloc(256 * 1024);

/** Turns the stored bytes of a sparse file into its content. */
export interface SparseExpander {
  /** Takes the next stored bytes. */
  data(stored: Buffer): void;
  /** To be called when all stored bytes are there: gives the last hole. */
  end(): void;
}

/** Expands a file of `sizeBytes`; the regions must be those that `checkRegions` gave. */
export function expandSparse(
  regions: readonly SparseRegion[],
  sizeBytes: number,
  emit: (piece: Buffer) => void,
): SparseExpander {
  let position = 0;
  let index = 0;
  const fillTo = (offset: number) => {
    while (position < offset) {
      const piece = zeros.subarray(0, Math.min(zeros.length, offset - position));
      position += piece.length;
      emit(piece);
    }
  };
  return {
    data(stored) {
      for (let at = 0; at < stored.length; ) {
        const region = regions[index] as SparseRegion;
        fillTo(region.offset);
        const end = region.offset + region.sizeBytes;
        const piece = stored.subarray(at, at + end - position);
        at += piece.length;
        position += piece.length;
        if (position === end) index++;
        emit(piece);
      }
    },
    end: () => fillTo(sizeBytes),
  };
}
