import type { ByteString } from '../base/image-path.ts';
import { checksumOf } from './header.ts';
import { blockBytes, paddingBytes, type TarField, ustarFields } from './layout.ts';
import { fitsOctal, writeOctal } from './number-field.ts';
import { formatPax, isPaxText } from './pax.ts';

interface TarAttributes {
  /** Written as given, but directories get a slash at the end. Not empty, without NUL. */
  readonly name: ByteString;
  /** The 12 low bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970; fractions are kept to the nanosecond. */
  readonly mtimeSeconds: number;
}

/** What a header says about an entry. */
export type TarHeaderInput = TarAttributes &
  (
    | { readonly kind: 'file'; readonly sizeBytes: number }
    | { readonly kind: 'directory' }
    | { readonly kind: 'symlink' | 'hardlink'; readonly linkName: ByteString }
  );

/** An entry with its content. */
export type TarInput = TarAttributes &
  (
    | { readonly kind: 'file'; readonly content: Buffer }
    | { readonly kind: 'directory' }
    | { readonly kind: 'symlink' | 'hardlink'; readonly linkName: ByteString }
  );

/**
 * A whole tar, entries in the order given. The same entries give the same bytes: no owner names, no clock, ustar, and
 * PAX records only where a value does not fit. Throws a RangeError on values that no tar can hold.
 */
export function tarBytes(entries: readonly TarInput[]): Buffer {
  return Buffer.concat([...entries.flatMap(entryBytes), tarEnd()]);
}

/** The header of an entry whose content the caller writes, followed by `tarPadding` of its size. */
export function tarHeader(input: TarHeaderInput): Buffer {
  checkInput(input);
  const values = headerValues(input);
  const { records, fields } = fitIntoUstar(values);
  const header = headerBlock(fields);
  return records.size === 0 ? header : Buffer.concat([...paxHeader(records, fields), header]);
}

/** The zeros after the content of a file. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc(paddingBytes(sizeBytes));
}

/** The two zero blocks that end a tar. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * blockBytes);
}

function entryBytes(entry: TarInput): Buffer[] {
  if (entry.kind !== 'file') return [tarHeader(entry)];
  const sizeBytes = entry.content.length;
  return [tarHeader({ ...entry, sizeBytes }), entry.content, tarPadding(sizeBytes)];
}

/** The fields of a header; the name is split in two. */
interface HeaderValues {
  readonly name: ByteString;
  readonly prefix: ByteString;
  readonly linkName: ByteString;
  readonly typeFlag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
}

const flagsByKind = { file: '0', hardlink: '1', symlink: '2', directory: '5' } as const;

function headerValues(input: TarHeaderInput): HeaderValues {
  const name = input.kind === 'directory' && !input.name.endsWith('/') ? `${input.name}/` : input.name;
  const { mode, uid, gid, mtimeSeconds: mtime } = input;
  return {
    name,
    prefix: '',
    linkName: 'linkName' in input ? input.linkName : '',
    typeFlag: flagsByKind[input.kind],
    mode,
    uid,
    gid,
    size: input.kind === 'file' ? input.sizeBytes : 0,
    mtime,
  };
}

/** Moves what does not fit into PAX records and leaves something harmless in the header. */
function fitIntoUstar(values: HeaderValues): {
  readonly records: ReadonlyMap<ByteString, ByteString>;
  readonly fields: HeaderValues;
} {
  const records = new Map<ByteString, ByteString>();
  const split = splitName(values.name);
  if (split === undefined) records.set('path', values.name);
  const fitsLink = values.linkName.length <= ustarFields.linkName.sizeBytes;
  if (!fitsLink) records.set('linkpath', values.linkName);
  const fitted = (key: 'size' | 'uid' | 'gid' | 'mtime', instead: number): number => {
    if (fitsOctal(ustarFields[key], values[key])) return values[key];
    records.set(key, formatDecimal(values[key]));
    return instead;
  };
  const fields = {
    ...values,
    name: split?.name ?? cut(values.name, ustarFields.name),
    prefix: split?.prefix ?? '',
    linkName: fitsLink ? values.linkName : cut(values.linkName, ustarFields.linkName),
    size: fitted('size', 0),
    uid: fitted('uid', 0),
    gid: fitted('gid', 0),
    mtime: fitted('mtime', clampTime(values.mtime)),
  };
  return { records: withCharset(records), fields };
}

/** A name of up to 100 bytes, or a directory of up to 155 with a name of up to 100; undefined if there is no such split. */
function splitName(name: ByteString): { readonly prefix: ByteString; readonly name: ByteString } | undefined {
  if (name.length <= ustarFields.name.sizeBytes) return { prefix: '', name };
  const slash = name.lastIndexOf('/', Math.min(ustarFields.prefix.sizeBytes, name.length - 2));
  const rest = name.slice(slash + 1);
  return slash > 0 && rest.length <= ustarFields.name.sizeBytes
    ? { prefix: name.slice(0, slash), name: rest }
    : undefined;
}

function cut(name: ByteString, field: TarField): ByteString {
  return name.slice(0, field.sizeBytes);
}

function clampTime(seconds: number): number {
  return Math.min(Math.max(Math.floor(seconds), 0), 8 ** (ustarFields.mtime.sizeBytes - 1) - 1);
}

/** PAX values are UTF-8, unless the header says that they are not. POSIX pax, `hdrcharset`. */
function withCharset(records: ReadonlyMap<ByteString, ByteString>): ReadonlyMap<ByteString, ByteString> {
  if ([...records.values()].every(isPaxText)) return records;
  return new Map([['hdrcharset', 'BINARY'], ...records]);
}

function formatDecimal(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(9).replace(/0+$/, '').replace(/\.$/, '');
}

function paxHeader(records: ReadonlyMap<ByteString, ByteString>, fields: HeaderValues): Buffer[] {
  const content = formatPax(records);
  const header = headerBlock({
    ...fields,
    name: 'PaxHeaders/entry',
    prefix: '',
    linkName: '',
    typeFlag: 'x',
    mode: 0o644,
    size: content.length,
  });
  return [header, content, tarPadding(content.length)];
}

function headerBlock(fields: HeaderValues): Buffer {
  const block = Buffer.alloc(blockBytes);
  const text = (field: TarField, value: ByteString) => block.write(value, field.offset, 'latin1');
  text(ustarFields.name, fields.name);
  text(ustarFields.prefix, fields.prefix);
  text(ustarFields.linkName, fields.linkName);
  text(ustarFields.typeFlag, fields.typeFlag);
  text(ustarFields.magic, 'ustar\x0000');
  for (const key of ['mode', 'uid', 'gid', 'size', 'mtime'] as const) {
    writeOctal(block, ustarFields[key], fields[key]);
  }
  writeOctal(block, ustarFields.devMajor, 0);
  writeOctal(block, ustarFields.devMinor, 0);
  // Six digits, a NUL, a space: the form that all writers use for this field.
  block.write(`${checksumOf(block).toString(8).padStart(6, '0')}\0 `, ustarFields.checksum.offset, 'latin1');
  return block;
}

function checkInput(input: TarHeaderInput): void {
  const names = 'linkName' in input ? [input.name, input.linkName] : [input.name];
  for (const name of names) {
    if (name === '' || name.includes('\0') || !isByteString(name)) {
      throw new RangeError(`not a name in bytes: ${JSON.stringify(name)}`);
    }
  }
  const sizes = input.kind === 'file' ? [input.sizeBytes] : [];
  const isValid =
    [...sizes, input.uid, input.gid].every((value) => Number.isSafeInteger(value) && value >= 0) &&
    Math.abs(input.mtimeSeconds) <= Number.MAX_SAFE_INTEGER &&
    (input.mode & ~0o7777) === 0;
  if (!isValid)
    throw new RangeError(`a number of the entry ${JSON.stringify(input.name)} does not fit a tar`);
}

function isByteString(text: string): boolean {
  return Buffer.from(text, 'latin1').toString('latin1') === text;
}
