/** Seconds, from what a fast machine takes to what a slow one does. */
export interface SecondsRange {
  readonly least: number;
  readonly most: number;
}

/**
 * Seconds per squared entry of `sgx.trusted_files`: Gramine's parser copies an array at each append. Measured with
 * Gramine 1.9 in direct mode on machines of two cores: 10,000 entries took 1.8 s on one and 5 s on another, where page faults
 * are dear.
 */
const secondsPerSquaredEntry: SecondsRange = { least: 1.6e-8, most: 5e-8 };

/** Seconds per entry where arrays grow by doubling (patch linear-parse): 100,000 entries took 0.5 s on the slower machine. */
const secondsPerEntry: SecondsRange = { least: 1.6e-6, most: 5e-6 };

/**
 * How many seconds each process of the application starts later because of the list of trusted files. `isLinear` is true for a
 * runtime that was built with the patch linear-parse. The figures tell long from short; machines differ.
 */
export function predictStartSeconds(
  trustedFileCount: number,
  { isLinear }: { readonly isLinear: boolean },
): SecondsRange {
  const [factor, units] = isLinear
    ? [secondsPerEntry, trustedFileCount]
    : [secondsPerSquaredEntry, trustedFileCount ** 2];
  return { least: factor.least * units, most: factor.most * units };
}
