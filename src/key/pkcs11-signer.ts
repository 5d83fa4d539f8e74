import { GscError } from '../base/error.ts';
import { digestInfoOf } from '../signature/rsa.ts';
import type { Signer } from '../signature/signer.ts';
import { rsaSizeBytes } from '../signature/sigstruct.ts';
import type { KeyEnvironment } from './key-environment.ts';
import { hintForKind, sgxKeyKind } from './key-kind.ts';
import { openPkcs11Module } from './pkcs11-module.ts';
import { type Pkcs11Uri, showPkcs11Uri } from './pkcs11-uri.ts';
import { findToken, TokenSession } from './token.ts';
import { tokenError } from './token-error.ts';
import { findKeys, type TokenKey } from './token-key.ts';
import { logIn } from './token-pin.ts';

/**
 * A signer with a key on a token, which never leaves it. The session is open until `close`. Throws a `key` error if the URI
 * does not choose exactly one key, for a key that SGX cannot take, and for what the token refuses.
 */
export async function pkcs11Signer(uri: Pkcs11Uri, environment: KeyEnvironment): Promise<Signer> {
  checkType(uri);
  const module = openPkcs11Module(uri, environment.host);
  let session: TokenSession | undefined;
  const close = async () => session?.close();
  try {
    session = new TokenSession(module, findToken(module, uri));
    await logIn(session, uri, environment);
    const key = chooseKey(session, uri);
    const { subject, sign } = signing(session, key);
    return { kind: 'pkcs11', subject, modulus: modulusOf(key), sign, close };
  } catch (error) {
    await close();
    throw tokenError(error, showPkcs11Uri(uri), 'the key cannot be opened');
  }
}

function checkType({ type }: Pkcs11Uri): void {
  if (type === undefined || type === 'private') return;
  const names: Readonly<Record<string, string>> = { cert: 'a certificate', public: 'a public key' };
  throw new GscError({
    code: 'key',
    subject: 'pkcs11: URI',
    message: `expected a private key, got a URI of ${names[type] ?? `type ${type}`}`,
    hint: 'write type=private, or leave type out',
  });
}

function chooseKey(session: TokenSession, uri: Pkcs11Uri): TokenKey {
  const found = findKeys(session, uri, 'private');
  const [key] = found;
  if (key === undefined || found.length > 1) throw notOneKey(session, uri, found);
  if (key.kind !== sgxKeyKind) {
    throw new GscError({
      code: 'key',
      subject: key.uri,
      message: `expected an RSA-3072 key with exponent 3, got ${key.kind}`,
      hint: hintForKind(key.kind, `gsc gen-private-key '${session.subject};object=NAME'`),
    });
  }
  if (key.maySign) return key;
  throw new GscError({
    code: 'key',
    subject: key.uri,
    message: 'the token does not let this key sign (CKA_SIGN is false)',
    hint: 'choose another key: gsc key ls',
  });
}

function notOneKey(session: TokenSession, uri: Pkcs11Uri, found: readonly TokenKey[]): GscError {
  const shown = (keys: readonly TokenKey[]) => keys.map((key) => key.uri).join(', ');
  const all = findKeys(session, {}, 'private');
  const other = all.length === 0 ? 'the token holds no private keys' : `the token holds ${shown(all)}`;
  return new GscError({
    code: 'key',
    subject: showPkcs11Uri(uri),
    message:
      found.length > 1
        ? `expected one private key, got ${found.length}: ${shown(found)}`
        : `there is no such private key; ${other}`,
    hint: found.length > 1 ? 'add object= or id= to the URI' : 'gsc key ls lists the keys',
  });
}

function modulusOf({ modulus, uri }: TokenKey): Buffer {
  if (modulus?.length === rsaSizeBytes) return modulus;
  throw new GscError({
    code: 'key',
    subject: uri,
    message: 'the token does not show the modulus of the key',
    hint: 'choose another key: gsc key ls',
  });
}

function signing(session: TokenSession, key: TokenKey): Pick<Signer, 'subject' | 'sign'> {
  const subject = key.uri;
  const sign = async (message: Buffer): Promise<Buffer> => {
    const { library, constants } = session.module;
    // A token that does not hash pads and signs what the hash is wrapped in.
    const hashes = session.ask('the token cannot be queried', () =>
      library.C_GetMechanismList(session.token.slot).includes(constants.CKM_SHA256_RSA_PKCS),
    );
    const mechanism = hashes ? constants.CKM_SHA256_RSA_PKCS : constants.CKM_RSA_PKCS;
    const data = hashes ? message : digestInfoOf(message);
    try {
      library.C_SignInit(session.session, { mechanism }, key.handle);
      if (key.wantsPinEachTime) session.authenticateSignature();
      return Buffer.from(await library.C_SignAsync(session.session, data, Buffer.alloc(rsaSizeBytes)));
    } catch (cause) {
      throw tokenError(cause, subject, 'the token did not sign');
    }
  };
  return { subject, sign };
}
