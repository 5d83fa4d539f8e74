import type { KeyEnvironment } from './key-environment.ts';
import { sgxKeyKind } from './key-kind.ts';
import { openPkcs11Module, type Pkcs11Module } from './pkcs11-module.ts';
import { type Pkcs11Uri, showPkcs11Uri } from './pkcs11-uri.ts';
import { type FoundToken, findToken, findTokens, type TokenFacts, TokenSession } from './token.ts';
import { tokenError } from './token-error.ts';
import { findKeys, mrSignerOfKey, type TokenKey } from './token-key.ts';
import { hasPin, logIn } from './token-pin.ts';

/** A key that is listed. */
export interface ListedKey {
  /** The KEY that signs with it, without how the token is reached. */
  readonly uri: string;
  readonly label: string;
  /** Hex. */
  readonly id: string;
  /** `RSA-3072 with exponent 3`, or what it is instead. */
  readonly kind: string;
  /** True if it can sign enclaves. */
  readonly isUsable: boolean;
  /** 64 hex digits; of RSA-3072 keys. */
  readonly mrSigner: string | undefined;
}

/** A token and what on it a URI chooses. */
export interface ListedToken {
  readonly facts: TokenFacts;
  /** False: without a PIN the token shows its public keys only. */
  readonly isLoggedIn: boolean;
  readonly keys: readonly ListedKey[];
}

/**
 * Lists the keys that a URI chooses, on one token or on several. It logs in if there is a PIN, or if one token is chosen and
 * the user can be asked; without that public keys are listed, whose private halves may be hidden. Throws a `key` error if
 * there is no such token, and for what one refuses.
 */
export async function listTokenKeys(
  uri: Pkcs11Uri,
  environment: KeyEnvironment,
): Promise<readonly ListedToken[]> {
  const module = openPkcs11Module(uri, environment.host);
  try {
    const tokens = findTokens(module, uri);
    if (tokens.length < 2)
      return [await listToken(module, findToken(module, uri), { uri, environment, mayAsk: true })];
    const listed: ListedToken[] = [];
    for (const token of tokens)
      listed.push(await listToken(module, token, { uri, environment, mayAsk: false }));
    return listed;
  } catch (error) {
    throw tokenError(error, showPkcs11Uri(uri), 'the keys cannot be listed');
  }
}

interface ListOptions {
  readonly uri: Pkcs11Uri;
  readonly environment: KeyEnvironment;
  readonly mayAsk: boolean;
}

async function listToken(
  module: Pkcs11Module,
  token: FoundToken,
  { uri, environment, mayAsk }: ListOptions,
): Promise<ListedToken> {
  const session = new TokenSession(module, token);
  try {
    if (hasPin(uri, environment) || (mayAsk && environment.askSecret !== undefined))
      await logIn(session, uri, environment);
    const sees = session.isLoggedIn || !session.needsPin;
    const keys = findKeys(session, uri, 'private');
    const hidden = sees ? [] : findKeys(session, uri, 'public');
    const shown = [...keys, ...hidden.filter(({ uri: other }) => keys.every((key) => key.uri !== other))];
    return { facts: token.facts, isLoggedIn: sees, keys: shown.map(toListedKey) };
  } finally {
    session.close();
  }
}

/** A key for people: without handles. */
export function toListedKey(key: TokenKey): ListedKey {
  return {
    uri: key.uri,
    label: key.label,
    id: key.id.toString('hex'),
    kind: key.kind,
    isUsable: key.kind === sgxKeyKind && key.maySign,
    mrSigner: mrSignerOfKey(key),
  };
}
