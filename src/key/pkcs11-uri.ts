import { GscError } from '../base/error.ts';
import { nearestName } from '../base/nearest-name.ts';

/** The attributes of RFC 7512 that choose a token, a slot and an object, and those that say how to reach it. */
const textAttributes = [
  ...['token', 'manufacturer', 'model', 'serial', 'slot-description', 'slot-manufacturer', 'object'],
] as const;
const pathAttributes = [...textAttributes, 'slot-id', 'id', 'type'] as const;
const queryAttributes = ['module-path', 'module-name', 'pin-source', 'pin-value'] as const;
const objectTypes = ['private', 'public', 'cert', 'secret-key', 'data'];

/** A `pkcs11:` URI. What it does not say chooses nothing. */
export interface Pkcs11Uri
  extends Readonly<
    Partial<Record<(typeof textAttributes)[number] | (typeof queryAttributes)[number], string>>
  > {
  readonly 'slot-id'?: number;
  readonly id?: Buffer;
  readonly type?: string;
}

type AttributeName = (typeof pathAttributes)[number] | (typeof queryAttributes)[number];

/** Parses a URI by RFC 7512. Throws a `usage` error for what it does not define; no error repeats a value. */
export function parsePkcs11Uri(text: string): Pkcs11Uri {
  const [path = '', query] = text.slice('pkcs11:'.length).split(/\?(.*)/s);
  const uri = new Map<AttributeName, string | number | Buffer>();
  readAttributes(path, ';', pathAttributes, uri);
  readAttributes(query ?? '', '&', queryAttributes, uri);
  if (uri.has('pin-source') && uri.has('pin-value')) {
    throw uriError('expected pin-source or pin-value, got both', 'keep pin-source');
  }
  return Object.fromEntries(uri);
}

function readAttributes(
  text: string,
  separator: string,
  names: readonly AttributeName[],
  uri: Map<AttributeName, string | number | Buffer>,
): void {
  for (const part of text.split(separator).filter((each) => each !== '')) {
    const [, given = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(part) ?? [];
    const name = names.find((each) => each === given);
    if (name === undefined) throw unknownAttribute(given, names);
    if (value === undefined) throw uriError(`${name} has no value`, `write ${name}=VALUE`);
    if (uri.has(name)) throw uriError(`${name} is given twice`, 'keep one of them');
    uri.set(name, decodeValue(name, value));
  }
}

function unknownAttribute(given: string, names: readonly AttributeName[]): GscError {
  const place = names === pathAttributes ? 'before the ?' : 'after the ?';
  const shown = /^[\w-]{1,40}$/.test(given) ? given : 'what is written there';
  const near = nearestName(given, names);
  const isElsewhere = [...pathAttributes, ...queryAttributes].some((name) => name === given);
  const hint = isElsewhere
    ? `write ${given} ${names === pathAttributes ? 'after a ?, separated by &' : 'before the ?, separated by ;'}`
    : near === undefined
      ? 'RFC 7512 defines the attributes'
      : `did you mean ${near}?`;
  return uriError(`expected one of ${names.join(', ')} ${place}, got ${shown}`, hint);
}

function decodeValue(name: AttributeName, value: string): string | number | Buffer {
  const bytes = percentDecode(name, value);
  if (name === 'id') return bytes;
  const text = bytes.toString('utf8');
  if (name === 'slot-id') {
    if (/^\d{1,10}$/.test(text)) return Number(text);
    throw uriError('slot-id is not a decimal number', 'gsc key ls prints the slots');
  }
  if (name === 'type' && !objectTypes.includes(text)) {
    throw uriError(`expected type to be one of ${objectTypes.join(', ')}`, 'write type=private');
  }
  return text;
}

function percentDecode(name: string, value: string): Buffer {
  if (/%(?![0-9A-Fa-f]{2})/.test(value)) {
    throw uriError(`${name} has a % without two hex digits after it`, 'write a % itself as %25');
  }
  const pieces = value.split(/(%[0-9A-Fa-f]{2})/);
  return Buffer.concat(
    pieces.map((piece, index) => (index % 2 ? Buffer.from(piece.slice(1), 'hex') : Buffer.from(piece))),
  );
}

/** The URI of a key without what is secret, or how it is reached. */
export function showPkcs11Uri(uri: Pkcs11Uri): string {
  const attributes = pathAttributes.flatMap((name) => {
    const value = uri[name];
    if (value === undefined) return [];
    return [`${name}=${Buffer.isBuffer(value) ? encodeBytes(value) : percentEncode(String(value))}`];
  });
  return `pkcs11:${attributes.join(';')}`;
}

function percentEncode(text: string): string {
  return encodeURIComponent(text)
    .replace(/%3A/g, ':')
    .replace(/[!'()*]/g, (sign) => encodeBytes(Buffer.from(sign)));
}

function encodeBytes(bytes: Buffer): string {
  return [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

function uriError(message: string, hint: string): GscError {
  return new GscError({ code: 'usage', subject: 'pkcs11: URI', message, hint });
}
