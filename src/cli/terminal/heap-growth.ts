import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Both halves of the space for new objects, where it is to stay. */
const youngSpaceBytes = 16 << 20;

/**
 * Lets the space for new objects grow from one megabyte to sixteen; V8 would let it grow to three times sixteen, for lists of
 * files that live long anyway. For 1 GB of 40,000 files the peak falls by 20 MB. At its first megabyte it would fall by another 10,
 * for a quarter more time when such an image is verified. Counts only from the start of the process on.
 */
export function keepYoungSpaceSmall(): void {
  const collections = new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space');
    if (young === undefined || young.space_size < youngSpaceBytes) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    collections.disconnect();
  });
  collections.observe({ entryTypes: ['gc'] });
}

/**
 * From now on V8 collects garbage when the heap has grown by a quarter, not up to fourfold. What is done to an image's list of
 * files leaves much garbage: for 40,000 files the peak falls by 40 MB, for some 3 % more processor time. Not to be
 * called before layers are read: their pieces count as well, and reading them takes a third longer.
 */
export function growHeapSlowly(): void {
  setFlagsFromString('--heap-growing-percent=25');
}

/** Both as V8 has them by itself. */
export function restoreHeapGrowth(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
  setFlagsFromString('--heap-growing-percent=0');
}
