import type { HostEnvironment } from '../base/host-environment.ts';
import type { KeyEnvironment } from '../key/key-environment.ts';
import type { KeyReference } from '../key/key-reference.ts';
import { openSigner as openSignerWith } from '../key/open-signer.ts';
import type { Signer } from '../signature/signer.ts';
import { processHost } from './process-host.ts';

/** How a key is opened. Everything has a default. */
export interface OpenSignerOptions extends Omit<KeyEnvironment, 'host'> {
  /** In place of what the process says: variables, working directory, the signal that aborts. */
  readonly host?: Partial<HostEnvironment>;
}

/**
 * Opens a signing key wherever it is: the path of a PEM file, a `pkcs11:` URI (RFC 7512), or `exec:PROGRAM ARG…`. The key stays
 * there. Close the signer when all is signed: a token keeps a session open. Throws a {@link GscError}: `key` for a key that
 * SGX cannot take or that does not open, `not-found`, `unreadable`, `usage`.
 */
export function openSigner(key: string | KeyReference, options: OpenSignerOptions = {}): Promise<Signer> {
  const { host, ...rest } = options;
  return openSignerWith(key, { ...rest, host: { ...processHost(), ...host } });
}
