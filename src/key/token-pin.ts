import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GscError } from '../base/error.ts';
import type { KeyEnvironment } from './key-environment.ts';
import type { Pkcs11Uri } from './pkcs11-uri.ts';
import { readSecretFile } from './secret-file.ts';
import type { TokenSession } from './token.ts';

/**
 * Logs in to a token, if it demands that: with the PIN of the URI, else the passphrase that was given, else the one that the
 * user is asked for. Throws a `key` error without a PIN, and for a wrong one.
 */
export async function logIn(
  session: TokenSession,
  uri: Pkcs11Uri,
  environment: KeyEnvironment,
): Promise<void> {
  if (!session.needsPin) return;
  if (session.hasPinPad) {
    environment.reporter?.say(`enter the PIN on the token's PIN pad: ${session.subject}`);
    return session.logIn(undefined);
  }
  const pin = await findPin(session, uri, environment);
  if (pin === undefined) throw missingPin(session);
  session.logIn(pin);
}

/** True if {@link logIn} would not have to ask. */
export function hasPin(uri: Pkcs11Uri, { passphrase }: KeyEnvironment): boolean {
  return [uri['pin-value'], uri['pin-source'], passphrase].some((source) => source !== undefined);
}

async function findPin(
  session: TokenSession,
  uri: Pkcs11Uri,
  environment: KeyEnvironment,
): Promise<string | undefined> {
  const { 'pin-value': value, 'pin-source': source } = uri;
  if (value !== undefined) return value;
  if (source !== undefined) return (await readPinSource(source, environment)).toString('utf8');
  const { passphrase, askSecret } = environment;
  const given = passphrase ?? (await askSecret?.(`PIN of ${session.subject}`));
  return given?.toString('utf8');
}

/** RFC 7512, 2.4: a file: URI or a path. Its form `|program` is not taken: a URI should not run programs. */
async function readPinSource(source: string, environment: KeyEnvironment): Promise<Buffer> {
  if (source.startsWith('|')) {
    throw new GscError({
      code: 'usage',
      subject: 'pkcs11: URI',
      message: 'expected pin-source to be a file, got a program',
      hint: 'let the program write the PIN to --passphrase-file /dev/stdin',
    });
  }
  const path = /^file:\/\//.test(source) ? fileURLToPath(source) : source.replace(/^file:/, '');
  return readSecretFile(resolve(environment.host.workingDirectory, path), 'PIN', environment.reporter);
}

function missingPin({ subject }: TokenSession): GscError {
  return new GscError({
    code: 'key',
    subject,
    message: 'the token demands a PIN, and none was given',
    hint: 'add ?pin-source=FILE to the URI, give --passphrase-file or --passphrase-env, or sign on a terminal, which asks for it',
  });
}
