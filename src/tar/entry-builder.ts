import type { ByteString } from '../base/image-path.ts';
import type { TarHeader } from './header.ts';
import type { PaxRecords } from './pax.ts';
import type { TarEntry, TarType } from './tar-entry.ts';
import { type TarPlace, tarError } from './tar-error.ts';

/** What headers before an entry's own say about it. */
export interface Extensions {
  /** Those of the entry itself; global ones do not count. */
  readonly pax?: PaxRecords;
  /** GNU's `L` and `K`. */
  readonly longName?: ByteString;
  readonly longLink?: ByteString;
}

/** Linux has ids of 32 bits; the largest one itself means "leave it". chown(2). */
const idCount = 2 ** 32;
const maxId = idCount - 2;

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
  const value = extensions.pax?.get(key);
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
  const recordOr = (key: ByteString, own: number) => {
    const text = recordOf(extensions, key);
    return text === undefined ? own : wholeNumber(key, text, there);
  };
  return {
    name,
    type,
    typeFlag: header.typeFlag,
    mode: header.mode & 0o7777,
    uid: idOf('uid', header.uid, { extensions, place: there }),
    gid: idOf('gid', header.gid, { extensions, place: there }),
    sizeBytes: type === 'file' ? recordOr('size', header.sizeBytes) : 0,
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

/** Leading zeros and a plus are allowed, as Go's reader allows them. */
function wholeNumber(key: ByteString, text: string, place: TarPlace): number {
  const value = /^\+?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw tarError(place, `the PAX record ${key} is not from 0 to 2^53 - 1: ${JSON.stringify(text)}`);
}

/** Negative ids stand for large ones: the engines hand 32 bits of them to the kernel. */
function idOf(
  key: 'uid' | 'gid',
  own: number,
  { extensions, place }: { readonly extensions: Extensions; readonly place: TarPlace },
): number {
  const text = recordOf(extensions, key);
  const negative = text !== undefined && /^-\d+$/.test(text) ? Number(text) : undefined;
  const stored = text === undefined ? own : (negative ?? wholeNumber(key, text, place));
  const id = stored < 0 && stored >= -idCount / 2 ? stored + idCount : stored;
  if (id >= 0 && id <= maxId) return id;
  const what = text === undefined ? `the ${key}` : `the PAX record ${key}`;
  throw tarError(place, `${what} ${stored} is ${id < 0 ? 'smaller' : 'larger'} than any that Linux has`);
}

function timeOf(text: string | undefined, own: number, place: TarPlace): number {
  if (text === undefined) return own;
  if (!/^-?\d{1,16}(\.\d*)?$/.test(text)) {
    throw tarError(place, `the PAX record mtime is not a number of seconds: ${JSON.stringify(text)}`);
  }
  return Number(text);
}

const schilyPrefix = 'SCHILY.xattr.';
const libarchivePrefix = 'LIBARCHIVE.xattr.';
const noXattrs: ReadonlyMap<ByteString, Buffer> = new Map();

/** SCHILY's records hold the bytes themselves, libarchive's have URL-encoded names and base64 values. */
function xattrsOf({ pax }: Extensions): ReadonlyMap<ByteString, Buffer> {
  if (pax === undefined) return noXattrs;
  const xattrs = new Map<ByteString, Buffer>();
  for (const [key, value] of pax) {
    if (key.startsWith(libarchivePrefix)) {
      xattrs.set(decodeUrl(key.slice(libarchivePrefix.length)), Buffer.from(value, 'base64'));
    }
  }
  for (const [key, value] of pax) {
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
