import { randomBytes } from 'node:crypto';
import { GscError } from '../base/error.ts';
import type { KeyEnvironment } from './key-environment.ts';
import { type ListedKey, toListedKey } from './list-token-keys.ts';
import { openPkcs11Module } from './pkcs11-module.ts';
import { type Pkcs11Uri, showPkcs11Uri } from './pkcs11-uri.ts';
import { findToken, TokenSession } from './token.ts';
import { tokenError } from './token-error.ts';
import { findKeys, type TokenKey } from './token-key.ts';
import { logIn } from './token-pin.ts';

/**
 * Makes an SGX signing key on a token, which cannot be read out: label and id are those of the URI; without an id it gets a
 * random one. Throws an `exists` error if the token holds a key of that label or id, a `key` error for what it refuses.
 */
export async function generateTokenKey(uri: Pkcs11Uri, environment: KeyEnvironment): Promise<ListedKey> {
  if (uri.object === undefined) {
    throw new GscError({
      code: 'usage',
      subject: 'pkcs11: URI',
      message: 'expected object=NAME, which is what the new key is called',
      hint: 'write pkcs11:token=TOKEN;object=NAME',
    });
  }
  const module = openPkcs11Module(uri, environment.host);
  let session: TokenSession | undefined;
  try {
    session = new TokenSession(module, findToken(module, uri), 'write');
    await logIn(session, uri, environment);
    refuseExisting(session, uri);
    return toListedKey(await makeKey(session, uri.object, uri.id ?? randomBytes(16)));
  } catch (error) {
    throw tokenError(error, showPkcs11Uri(uri), 'the key cannot be made');
  } finally {
    session?.close();
  }
}

/** Two keys of one label could not be told apart when one is to sign. */
function refuseExisting(session: TokenSession, { object, id }: Pkcs11Uri): void {
  const wishes = [...(object === undefined ? [] : [{ object }]), ...(id === undefined ? [] : [{ id }])];
  for (const wish of wishes) {
    const [found] = [...findKeys(session, wish, 'private'), ...findKeys(session, wish, 'public')];
    if (found === undefined) continue;
    throw new GscError({
      code: 'exists',
      subject: found.uri,
      message: 'the token already holds a key with this label or id, and gsc does not replace it',
      hint: 'choose another object= and id=, or remove the key with the tool of the token',
    });
  }
}

async function makeKey(session: TokenSession, label: string, id: Buffer): Promise<TokenKey> {
  const { library, constants } = session.module;
  const common = [
    { type: constants.CKA_TOKEN, value: true },
    { type: constants.CKA_LABEL, value: label },
    { type: constants.CKA_ID, value: id },
  ];
  const publicTemplate = [
    ...common,
    { type: constants.CKA_VERIFY, value: true },
    { type: constants.CKA_MODULUS_BITS, value: 3072 },
    { type: constants.CKA_PUBLIC_EXPONENT, value: Buffer.from([3]) },
  ];
  const privateTemplate = [
    ...common,
    { type: constants.CKA_PRIVATE, value: true },
    { type: constants.CKA_SENSITIVE, value: true },
    { type: constants.CKA_EXTRACTABLE, value: false },
    { type: constants.CKA_SIGN, value: true },
  ];
  const mechanism = { mechanism: constants.CKM_RSA_PKCS_KEY_PAIR_GEN };
  try {
    await library.C_GenerateKeyPairAsync(session.session, mechanism, publicTemplate, privateTemplate);
  } catch (cause) {
    throw tokenError(cause, session.subject, 'the token did not make the key');
  }
  const [key] = findKeys(session, { object: label, id }, 'private');
  if (key !== undefined) return key;
  throw tokenError(new Error('CKR_GENERAL_ERROR'), session.subject, 'the new key is not on the token');
}
