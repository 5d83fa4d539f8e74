import { rsaSizeBytes } from '../signature/sigstruct.ts';
import { mrSignerOf } from '../signature/verify-sigstruct.ts';
import { showRsaKind } from './key-kind.ts';
import { type Pkcs11Uri, showPkcs11Uri } from './pkcs11-uri.ts';
import type { TokenSession } from './token.ts';

/** A key on a token, as far as the token shows it. */
export interface TokenKey {
  /** The private object, or the public one where the private one is hidden before the login. */
  readonly handle: Buffer;
  readonly isPrivate: boolean;
  readonly label: string;
  readonly id: Buffer;
  /** `RSA-3072 with exponent 3`, or what it is instead. */
  readonly kind: string;
  /** Big-endian, without leading zeros; of RSA keys. */
  readonly modulus: Buffer | undefined;
  /** False if the token forbids the key to sign. */
  readonly maySign: boolean;
  /** The token wants the PIN for each signature. */
  readonly wantsPinEachTime: boolean;
  /** The URI that chooses this key. */
  readonly uri: string;
}

/** The private keys that a URI chooses, or the public ones, by label and id. */
export function findKeys(
  session: TokenSession,
  uri: Pkcs11Uri,
  kind: 'private' | 'public',
): readonly TokenKey[] {
  const { constants } = session.module;
  const template = [
    {
      type: constants.CKA_CLASS,
      value: kind === 'private' ? constants.CKO_PRIVATE_KEY : constants.CKO_PUBLIC_KEY,
    },
    ...(uri.object === undefined ? [] : [{ type: constants.CKA_LABEL, value: uri.object }]),
    ...(uri.id === undefined ? [] : [{ type: constants.CKA_ID, value: uri.id }]),
  ];
  return findObjects(session, template)
    .map((handle) => readKey(session, handle, kind === 'private'))
    .sort((a, b) => Buffer.compare(Buffer.from(a.uri), Buffer.from(b.uri)));
}

type Template = { readonly type: number; readonly value: number | string | Buffer }[];

function findObjects({ module, session }: TokenSession, template: Template): Buffer[] {
  const { library } = module;
  const found: Buffer[] = [];
  library.C_FindObjectsInit(session, template);
  try {
    for (
      let handle = library.C_FindObjects(session);
      handle !== null;
      handle = library.C_FindObjects(session)
    )
      found.push(Buffer.from(handle));
  } finally {
    library.C_FindObjectsFinal(session);
  }
  return found;
}

function readKey(session: TokenSession, handle: Buffer, isPrivate: boolean): TokenKey {
  const { constants } = session.module;
  const label = attribute(session, handle, constants.CKA_LABEL)?.toString('utf8') ?? '';
  const id = attribute(session, handle, constants.CKA_ID) ?? Buffer.alloc(0);
  const isRsa = numberOf(attribute(session, handle, constants.CKA_KEY_TYPE)) === constants.CKK_RSA;
  const modulus = isRsa ? withoutZeros(attribute(session, handle, constants.CKA_MODULUS)) : undefined;
  const exponent = isRsa ? exponentOf(session, handle, { id, modulus, isPrivate }) : undefined;
  const { label: token, serial } = session.token.facts;
  return {
    ...{ handle, isPrivate, label, id, modulus },
    kind: isRsa ? showRsaKind(bitsOf(modulus), exponent) : 'a key that is not RSA',
    wantsPinEachTime: isPrivate && attribute(session, handle, constants.CKA_ALWAYS_AUTHENTICATE)?.[0] === 1,
    maySign: !isPrivate || attribute(session, handle, constants.CKA_SIGN)?.[0] !== 0,
    uri: showPkcs11Uri({
      token,
      ...(serial !== '' && { serial }),
      ...(label !== '' && { object: label }),
      ...(id.length > 0 && { id }),
      type: 'private',
    }),
  };
}

/** Some tokens keep the public exponent with the public key alone. */
function exponentOf(
  session: TokenSession,
  handle: Buffer,
  key: Pick<TokenKey, 'id' | 'modulus' | 'isPrivate'>,
): bigint | undefined {
  const { constants } = session.module;
  const own = attribute(session, handle, constants.CKA_PUBLIC_EXPONENT);
  if (own !== undefined && own.length > 0) return BigInt(`0x${own.toString('hex')}`);
  if (!key.isPrivate || key.modulus === undefined) return undefined;
  const template = [
    { type: constants.CKA_CLASS, value: constants.CKO_PUBLIC_KEY },
    { type: constants.CKA_MODULUS, value: key.modulus },
  ];
  const [other] = findObjects(session, template);
  return other === undefined ? undefined : exponentOf(session, other, { ...key, isPrivate: false });
}

/** An attribute's bytes; undefined where the object has none, or does not show it. */
function attribute({ module, session }: TokenSession, handle: Buffer, type: number): Buffer | undefined {
  try {
    const [found] = module.library.C_GetAttributeValue(session, handle, [{ type }]);
    return found?.value === undefined ? undefined : Buffer.from(found.value as Buffer);
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    if (/^CKR_ATTRIBUTE_(?:TYPE_INVALID|SENSITIVE)/.test(message)) return undefined;
    throw error;
  }
}

function numberOf(bytes: Buffer | undefined): number | undefined {
  return bytes === undefined || bytes.length < 4 ? undefined : bytes.readUInt32LE();
}

function withoutZeros(bytes: Buffer | undefined): Buffer | undefined {
  const start = bytes?.findIndex((byte) => byte !== 0) ?? -1;
  return start < 0 ? undefined : bytes?.subarray(start);
}

function bitsOf(modulus: Buffer | undefined): number | undefined {
  return modulus === undefined ? undefined : 8 * modulus.length - Math.clz32(modulus[0] ?? 0) + 24;
}

/** MRSIGNER of an RSA-3072 key: 64 hex digits. */
export function mrSignerOfKey({ modulus }: TokenKey): string | undefined {
  return modulus?.length === rsaSizeBytes ? mrSignerOf(Buffer.from(modulus).reverse()) : undefined;
}
