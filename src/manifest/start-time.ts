/**
 * Seconds per squared entry of `sgx.trusted_files`: Gramine's parser copies an array at each append. Measured with
 * Gramine 1.9 in direct mode on two cores: 2,000 entries 0.17 s, 10,000 entries 1.84 s, 40,000 entries 27.5 s.
 */
const secondsPerSquaredEntry = 1.6e-8;

/** What the same entries cost as `[[sgx.trusted_files]]` blocks in place of inline tables. */
const blockFactor = 4 / 3;

export interface StartTimeOptions {
  /** How the list is written. */
  readonly form: 'inline' | 'blocks';
}

/**
 * About how many seconds each process of the application starts later because of the list of trusted files. The
 * figure tells long from short; machines differ.
 */
export function predictStartSeconds(
  trustedFileCount: number,
  options: StartTimeOptions = { form: 'inline' },
): number {
  const factor = options.form === 'blocks' ? blockFactor : 1;
  return secondsPerSquaredEntry * trustedFileCount ** 2 * factor;
}
