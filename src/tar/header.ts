import type { GscError } from '../base/error.ts';
import type { ByteString } from '../base/image-path.ts';
import { blockBytes, gnuFields, starFields, type TarField, ustarFields } from './layout.ts';
import { readNumber } from './number-field.ts';
import { type TarPlace, tarError } from './tar-error.ts';

/** A header block as it stands, before extension headers are worked in. */
export interface TarHeader {
  /** With the prefix, where the format has one. */
  readonly name: ByteString;
  /** One character. */
  readonly typeFlag: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly linkName: ByteString;
  readonly devMajor: number;
  readonly devMinor: number;
}

type NumberField = 'mode' | 'uid' | 'gid' | 'size' | 'mtime' | 'devMajor' | 'devMinor';
/** Negative ids are those of programs that hold them in signed numbers. */
const signedFields: ReadonlySet<NumberField> = new Set(['uid', 'gid', 'mtime']);

type Format = 'v7' | 'ustar' | 'star' | 'gnu';

/** Reads a header block. Throws a `tar` error on a wrong checksum and on fields that are not numbers. */
export function parseHeader(block: Buffer, place: TarPlace): TarHeader {
  checkSum(block, place);
  const format = formatOf(block);
  const name = nameOf(block, format);
  const typeFlag = block.toString('latin1', ustarFields.typeFlag.offset, ustarFields.typeFlag.offset + 1);
  const number = (field: NumberField) => {
    const value = readNumber(block, ustarFields[field]);
    if (value >= 0 || (signedFields.has(field) && value < 0)) return value;
    throw badNumber(block, field, { ...place, entry: name });
  };
  const hasDevice = format !== 'v7' && (typeFlag === '3' || typeFlag === '4');
  return {
    name,
    typeFlag,
    mode: number('mode'),
    uid: number('uid'),
    gid: number('gid'),
    sizeBytes: number('size'),
    mtimeSeconds: number('mtime'),
    linkName: textOf(block, ustarFields.linkName),
    devMajor: hasDevice ? number('devMajor') : 0,
    devMinor: hasDevice ? number('devMinor') : 0,
  };
}

/** The sum that a header block must carry: all bytes, with the checksum field as spaces; unsigned. */
export function checksumOf(block: Buffer): number {
  const { offset, sizeBytes } = ustarFields.checksum;
  let sum = 0x20 * sizeBytes;
  for (let at = 0; at < offset; at++) sum += block[at] as number;
  for (let at = offset + sizeBytes; at < blockBytes; at++) sum += block[at] as number;
  return sum;
}

/** True if the block says that it is in GNU tar's old format, the one with sparse maps in headers. */
export function isGnuHeader(block: Buffer): boolean {
  return formatOf(block) === 'gnu';
}

function checkSum(block: Buffer, place: TarPlace): void {
  const stored = readNumber(block, ustarFields.checksum);
  const unsigned = checksumOf(block);
  if (stored === unsigned || stored === signedSum(block, unsigned)) return;
  throw tarError(
    place,
    `this is not a tar header: expected the checksum ${unsigned}, got ${Number.isNaN(stored) ? 'no number' : stored}`,
  );
}

/** Some old programs summed up signed characters. */
function signedSum(block: Buffer, unsigned: number): number {
  const { offset, sizeBytes } = ustarFields.checksum;
  const isInField = (at: number) => at >= offset && at < offset + sizeBytes;
  return block.reduce((sum, byte, at) => (byte > 127 && !isInField(at) ? sum - 256 : sum), unsigned);
}

function formatOf(block: Buffer): Format {
  const { offset, sizeBytes } = ustarFields.magic;
  const magic = block.toString('latin1', offset, offset + sizeBytes);
  if (magic === 'ustar  \0') return 'gnu';
  if (!magic.startsWith('ustar\0')) return 'v7';
  const trailer = starFields.trailer.offset;
  return block.toString('latin1', trailer, trailer + 4) === 'tar\0' ? 'star' : 'ustar';
}

function nameOf(block: Buffer, format: Format): ByteString {
  const name = textOf(block, ustarFields.name);
  const prefix = prefixOf(block, format);
  return prefix === '' ? name : `${prefix}/${name}`;
}

function prefixOf(block: Buffer, format: Format): ByteString {
  switch (format) {
    case 'v7':
      return '';
    case 'ustar':
      return textOf(block, ustarFields.prefix);
    case 'star':
      return textOf(block, starFields.prefix);
    case 'gnu':
      return hasMisplacedPrefix(block) ? textOf(block, ustarFields.prefix) : '';
  }
}

/**
 * Go before 1.8, and so Docker before 2017, wrote GNU headers with a prefix where GNU keeps the access and change
 * times; such a prefix shows by not being a number (golang/go, archive/tar, note in `readHeader`).
 */
function hasMisplacedPrefix(block: Buffer): boolean {
  return [gnuFields.atime, gnuFields.ctime].some(
    (field) => block[field.offset] !== 0 && Number.isNaN(readNumber(block, field)),
  );
}

function textOf(block: Buffer, { offset, sizeBytes }: TarField): ByteString {
  const end = block.indexOf(0, offset);
  return block.toString('latin1', offset, end < 0 ? offset + sizeBytes : Math.min(end, offset + sizeBytes));
}

function badNumber(block: Buffer, name: NumberField, place: TarPlace): GscError {
  const { offset, sizeBytes } = ustarFields[name];
  const bytes = block.toString('hex', offset, offset + sizeBytes);
  return tarError(place, `the field ${name} is negative or too large for gsc: bytes ${bytes}`);
}
