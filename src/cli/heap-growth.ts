import { setFlagsFromString } from 'node:v8';

/**
 * From now on V8 collects garbage when the heap has grown by half, not up to fourfold. What is done to an image's list of
 * files leaves much garbage: for 40,000 files the peak falls from 290 to 250 MB, for some 3 % more processor time. Not to be
 * called before layers are read: their pieces count as well, and reading them takes a third longer.
 */
export function growHeapSlowly(): void {
  setFlagsFromString('--heap-growing-percent=50');
}
