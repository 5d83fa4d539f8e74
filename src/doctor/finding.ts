/** What a finding is needed for. */
export type Area = 'building' | 'signing' | 'running';

/** `missing`: something does not work without it. `optional`: there is another way. */
export type FindingState = 'present' | 'missing' | 'optional';

export interface Finding {
  readonly area: Area;
  /** A short name, which stays the same: `docker engine`, `sgx device`. */
  readonly name: string;
  readonly state: FindingState;
  /** What was found, or how it was looked for. */
  readonly found: string;
  /** One thing to do; only of what is not present. */
  readonly advice?: string;
}
