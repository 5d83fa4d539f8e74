import { GscError } from '../base/error.ts';
import { firstLine } from './pkcs11-module.ts';

/** What a token's refusals mean, and what to do. PKCS#11 3.0, 5.1. */
const refusals: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  CKR_PIN_INCORRECT: ['the PIN is wrong', 'check the PIN'],
  CKR_PIN_INVALID: ['the PIN has signs that the token does not take', 'check the PIN'],
  CKR_PIN_LEN_RANGE: ['the PIN is shorter or longer than the token takes', 'check the PIN'],
  CKR_PIN_LOCKED: [
    'the token is locked after too many wrong PINs',
    "let the token's security officer unlock it; with OpenSC: pkcs11-tool --init-pin --so-pin …",
  ],
  CKR_PIN_EXPIRED: ['the PIN has expired', "set a new one with the token's own tool"],
  CKR_USER_PIN_NOT_INITIALIZED: [
    'the token has no user PIN yet',
    'set one: pkcs11-tool --init-pin, or the tool that came with the token',
  ],
  CKR_USER_NOT_LOGGED_IN: ['the token demands a PIN for this', 'give the PIN with pin-source in the URI'],
  CKR_TOKEN_WRITE_PROTECTED: ['the token is write-protected', 'make the key with the tool that came with it'],
  CKR_KEY_FUNCTION_NOT_PERMITTED: ['the key may not sign', 'choose another key: gsc key ls'],
  CKR_MECHANISM_INVALID: ['the token does not know this mechanism', 'choose another token'],
  CKR_ATTRIBUTE_VALUE_INVALID: [
    'the token refuses a property of the key',
    'a token that takes no RSA-3072 key with exponent 3 cannot sign for SGX; choose another one',
  ],
};

const removals = new Set([
  ...['CKR_DEVICE_REMOVED', 'CKR_TOKEN_NOT_PRESENT', 'CKR_SESSION_HANDLE_INVALID', 'CKR_SESSION_CLOSED'],
  ...['CKR_DEVICE_ERROR', 'CKR_TOKEN_NOT_RECOGNIZED', 'CKR_KEY_HANDLE_INVALID', 'CKR_OBJECT_HANDLE_INVALID'],
]);

/** The error for a call that a token refused while it was `doing` something. `more` follows the message. */
export function tokenError(cause: unknown, subject: string, doing: string, more = ''): unknown {
  if (cause instanceof GscError) return cause;
  const name = firstLine(cause);
  const [message, hint] = refusals[name] ?? unexpected(name);
  return new GscError({
    code: 'key',
    subject,
    message: `${doing}: ${message}${more} (${name})`,
    hint,
    cause,
  });
}

function unexpected(name: string): readonly [message: string, hint: string] {
  if (removals.has(name)) return ['the token was taken out, or has failed', 'put it back and sign again'];
  return ['the token refuses', 'look the name up in the documents of the token'];
}
