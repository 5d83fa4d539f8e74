import { GscError } from '../base/error.ts';
import type { Pkcs11Module } from './pkcs11-module.ts';
import { type Pkcs11Uri, showPkcs11Uri } from './pkcs11-uri.ts';
import { tokenError } from './token-error.ts';

/** A handle of the library: bytes without a meaning of their own. */
type Handle = Buffer;

/** What a token says of itself. */
export interface TokenFacts {
  readonly slotId: number;
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serial: string;
  readonly flags: number;
}

/** A token in its slot. */
export interface FoundToken {
  readonly slot: Handle;
  readonly facts: TokenFacts;
}

/** The tokens that a URI chooses, of those that are initialized, by the numbers of their slots. */
export function findTokens(
  { library, constants, path }: Pkcs11Module,
  uri: Pkcs11Uri,
): readonly FoundToken[] {
  try {
    return library
      .C_GetSlotList(true)
      .map((slot) => ({ slot, facts: factsOf(library, slot), description: library.C_GetSlotInfo(slot) }))
      .filter(({ facts }) => (facts.flags & constants.CKF_TOKEN_INITIALIZED) !== 0)
      .filter(
        ({ facts, description }) =>
          fits(uri, facts) &&
          isOrAny(uri['slot-description'], description.slotDescription) &&
          isOrAny(uri['slot-manufacturer'], description.manufacturerID),
      )
      .sort((a, b) => a.facts.slotId - b.facts.slotId);
  } catch (cause) {
    throw tokenError(cause, path, 'the tokens cannot be listed');
  }
}

/** The one token that a URI chooses. Throws a `key` error for none and for several. */
export function findToken(module: Pkcs11Module, uri: Pkcs11Uri): FoundToken {
  const found = findTokens(module, uri);
  const [token] = found;
  if (token !== undefined && found.length === 1) return token;
  const shown = (tokens: readonly FoundToken[]) => tokens.map(({ facts }) => uriOfToken(facts)).join(', ');
  const all = found.length === 0 ? findTokens(module, {}) : found;
  throw new GscError({
    code: 'key',
    subject: showPkcs11Uri(uri),
    message:
      found.length > 1
        ? `expected one token, got ${found.length}: ${shown(found)}`
        : `there is no such token${all.length === 0 ? ', nor any other' : `; there is ${shown(all)}`}`,
    hint:
      found.length > 1
        ? 'add token= or serial= to the URI'
        : `check that it is plugged in, and that ${module.path} is its library`,
  });
}

/** The part of a URI that chooses a token. */
export function uriOfToken({ label, serial }: Pick<TokenFacts, 'label' | 'serial'>): string {
  return showPkcs11Uri({ token: label, ...(serial !== '' && { serial }) });
}

/** An open session with a token. */
export class TokenSession {
  readonly module: Pkcs11Module;
  readonly token: FoundToken;
  readonly session: Handle;
  /** What errors call the token. */
  readonly subject: string;
  isLoggedIn = false;
  /** Kept for keys that want it for each signature; gone with the session. */
  #pin: string | undefined;

  constructor(module: Pkcs11Module, token: FoundToken, use: 'read' | 'write' = 'read') {
    const { library, constants } = module;
    this.module = module;
    this.token = token;
    this.subject = uriOfToken(token.facts);
    const flags = constants.CKF_SERIAL_SESSION | (use === 'write' ? constants.CKF_RW_SESSION : 0);
    this.session = this.ask('the token cannot be opened', () => library.C_OpenSession(token.slot, flags));
  }

  /** Makes a call; what the token refuses becomes a `key` error that says what was being done. */
  ask<Result>(doing: string, call: () => Result): Result {
    try {
      return call();
    } catch (cause) {
      throw tokenError(cause, this.subject, doing);
    }
  }

  get needsPin(): boolean {
    return this.#hasFlag(this.token.facts.flags, 'CKF_LOGIN_REQUIRED');
  }

  /** The token has a PIN pad. */
  get hasPinPad(): boolean {
    return this.#hasFlag(this.token.facts.flags, 'CKF_PROTECTED_AUTHENTICATION_PATH');
  }

  /** Logs in as the user. Throws a `key` error that says how many tries are left, where the token does. */
  logIn(pin: string | undefined): void {
    this.#logInAs(this.module.constants.CKU_USER, pin);
    this.#pin = pin;
    this.isLoggedIn = true;
  }

  /** Shows the PIN again, between the beginning of a signature and its end, for a key with CKA_ALWAYS_AUTHENTICATE. */
  authenticateSignature(): void {
    this.#logInAs(this.module.constants.CKU_CONTEXT_SPECIFIC, this.#pin);
  }

  #logInAs(user: number, pin: string | undefined): void {
    try {
      this.module.library.C_Login(this.session, user, pin);
    } catch (cause) {
      const isIn = cause instanceof Error && cause.message === 'CKR_USER_ALREADY_LOGGED_IN';
      if (!isIn) throw tokenError(cause, this.subject, 'the login failed', this.#triesLeft());
    }
  }

  close(): void {
    this.#pin = undefined;
    try {
      this.module.library.C_CloseSession(this.session);
    } catch {
      // The session of a token that was taken out is closed already.
    }
  }

  #triesLeft(): string {
    const { flags } = factsOf(this.module.library, this.token.slot);
    if (this.#hasFlag(flags, 'CKF_USER_PIN_LOCKED')) return '; the token is now locked';
    if (this.#hasFlag(flags, 'CKF_USER_PIN_FINAL_TRY')) return '; one try is left before the token locks';
    if (this.#hasFlag(flags, 'CKF_USER_PIN_COUNT_LOW'))
      return '; a wrong PIN was given before: few tries are left';
    return '';
  }

  #hasFlag(flags: number, name: FlagName): boolean {
    return (flags & this.module.constants[name]) !== 0;
  }
}

type FlagName =
  | 'CKF_LOGIN_REQUIRED'
  | 'CKF_PROTECTED_AUTHENTICATION_PATH'
  | 'CKF_USER_PIN_LOCKED'
  | 'CKF_USER_PIN_FINAL_TRY'
  | 'CKF_USER_PIN_COUNT_LOW';

function factsOf(library: Pkcs11Module['library'], slot: Handle): TokenFacts {
  const info = library.C_GetTokenInfo(slot);
  return {
    slotId: Number(slot.length === 8 ? slot.readBigUInt64LE() : slot.readUInt32LE()),
    label: unpadded(info.label),
    manufacturer: unpadded(info.manufacturerID),
    model: unpadded(info.model),
    serial: unpadded(info.serialNumber),
    flags: info.flags,
  };
}

function fits(uri: Pkcs11Uri, facts: TokenFacts): boolean {
  return (
    isOrAny(uri.token, facts.label) &&
    isOrAny(uri.manufacturer, facts.manufacturer) &&
    isOrAny(uri.model, facts.model) &&
    isOrAny(uri.serial, facts.serial) &&
    (uri['slot-id'] === undefined || uri['slot-id'] === facts.slotId)
  );
}

function isOrAny(wanted: string | undefined, text: string): boolean {
  return wanted === undefined || wanted === unpadded(text);
}

/** The standard fills texts with blanks; some libraries with zeros. */
function unpadded(text: string): string {
  return text.replace(/[\0 ]+$/, '');
}
