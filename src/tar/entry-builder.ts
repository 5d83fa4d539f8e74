import type { ByteString } from '../base/image-path.ts';
import type { TarHeader } from './header.ts';
import type { PaxRecords } from './pax.ts';
import type { TarEntry, TarType } from './tar-entry.ts';
import { type TarPlace, tarError } from './tar-error.ts';

/** What headers before an entry's own say about it. */
export interface Extensions {
  /** Of the last global header on; where `pax` has the key, that one counts. */
  readonly globals: PaxRecords;
  readonly pax?: PaxRecords;
  /** GNU's `L` and `K`. */
  readonly longName?: ByteString;
  readonly longLink?: ByteString;
}

/** The largest user or group id that Linux has; 2^32 - 1 itself means "leave it". */
const maxId = 2 ** 32 - 2;

const typesByFlag: Readonly<Record<string, TarType>> = {
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
};

/** The value that counts for a key: an empty one means that the header's own field does. POSIX pax. */
export function recordOf(extensions: Extensions, key: ByteString): ByteString | undefined {
  const value = extensions.pax?.get(key) ?? extensions.globals.get(key);
  return value === '' ? undefined : value;
}

/**
 * Puts a header and its extensions together. Where GNU's long names and PAX records disagree the former win, as in Go's
 * reader, which the engines unpack with. `sizeBytes` of the result is the stored size.
 */
export function buildEntry(header: TarHeader, extensions: Extensions, place: TarPlace): TarEntry {
  const name = extensions.longName ?? recordOf(extensions, 'path') ?? header.name;
  const there = { ...place, entry: name };
  if (name === '') throw tarError(there, 'an entry without a name');
  const type = typeOf(header.typeFlag, name);
  const whole = (key: ByteString, own: number) => {
    const text = recordOf(extensions, key);
    return text === undefined ? own : wholeNumber(key, text, there);
  };
  return {
    name,
    type,
    typeFlag: header.typeFlag,
    mode: header.mode & 0o7777,
    uid: checkId('uid', whole('uid', header.uid), there),
    gid: checkId('gid', whole('gid', header.gid), there),
    sizeBytes: type === 'file' ? whole('size', header.sizeBytes) : 0,
    mtimeSeconds: timeOf(recordOf(extensions, 'mtime'), header.mtimeSeconds, there),
    linkName: linkNameOf(type, header, extensions, there),
    devMajor: header.devMajor,
    devMinor: header.devMinor,
    xattrs: xattrsOf(extensions),
    headerOffset: place.offset,
  };
}

function typeOf(typeFlag: string, name: ByteString): TarType {
  // v7 had no directories: a file whose name ends with a slash is one.
  if (typeFlag === '\0' && name.endsWith('/')) return 'directory';
  return typesByFlag[typeFlag] ?? 'file';
}

function linkNameOf(type: TarType, header: TarHeader, extensions: Extensions, place: TarPlace): ByteString {
  if (type !== 'hardlink' && type !== 'symlink') return '';
  const linkName = extensions.longLink ?? recordOf(extensions, 'linkpath') ?? header.linkName;
  if (linkName === '') throw tarError(place, `a ${type} without a target`);
  return linkName;
}

function wholeNumber(key: ByteString, text: string, place: TarPlace): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw tarError(place, `the PAX record ${key} is not from 0 to 2^53 - 1: ${JSON.stringify(text)}`);
}

function checkId(key: string, id: number, place: TarPlace): number {
  if (id > maxId) throw tarError(place, `the ${key} ${id} is larger than any that Linux has`);
  return id;
}

function timeOf(text: string | undefined, own: number, place: TarPlace): number {
  if (text === undefined) return own;
  if (!/^-?\d{1,16}(\.\d*)?$/.test(text)) {
    throw tarError(place, `the PAX record mtime is no number of seconds: ${JSON.stringify(text)}`);
  }
  return Number(text);
}

const schilyPrefix = 'SCHILY.xattr.';
const libarchivePrefix = 'LIBARCHIVE.xattr.';
const noXattrs: ReadonlyMap<ByteString, Buffer> = new Map();

/** SCHILY's records hold the bytes themselves, libarchive's have URL-encoded names and base64 values. */
function xattrsOf({ globals, pax }: Extensions): ReadonlyMap<ByteString, Buffer> {
  if (pax === undefined && globals.size === 0) return noXattrs;
  const xattrs = new Map<ByteString, Buffer>();
  for (const [key, value] of [...globals, ...(pax ?? [])]) {
    if (key.startsWith(libarchivePrefix)) {
      xattrs.set(decodeUrl(key.slice(libarchivePrefix.length)), Buffer.from(value, 'base64'));
    }
  }
  for (const [key, value] of [...globals, ...(pax ?? [])]) {
    if (key.startsWith(schilyPrefix))
      xattrs.set(key.slice(schilyPrefix.length), Buffer.from(value, 'latin1'));
  }
  return xattrs;
}

function decodeUrl(text: string): ByteString {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
