/** What gsc is given by the machine and the user that it runs for; nothing else of either is read. */
export interface HostEnvironment {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  /** Numeric, where the system has such ids. */
  readonly userId: number | undefined;
  /** Aborted by Ctrl-C or a termination signal. */
  readonly signal: AbortSignal;
  readonly today: () => Date;
}
