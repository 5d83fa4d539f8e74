import type { HostEnvironment } from '../base/host-environment.ts';
import type { Reporter } from '../base/reporter.ts';

/** What the opening of a key works with. */
export interface KeyEnvironment {
  readonly host: HostEnvironment;
  /** Gets warnings and what an external program says. */
  readonly reporter?: Reporter;
  /** Opens an encrypted PEM file, or is the PIN of a token. */
  readonly passphrase?: string | Buffer;
  /** Asks the user for a passphrase or PIN, without an echo; absent where there is no terminal. */
  readonly askSecret?: (question: string) => Promise<Buffer>;
  /** How long an external program may take; two minutes by default. */
  readonly timeoutMs?: number;
}
