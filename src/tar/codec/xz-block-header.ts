import { crc32 } from 'node:zlib';
import { readXzInteger } from './xz-integer.ts';

/** What stands before a block. The .xz file format, 3.1. */
export interface XzBlockHeader {
  readonly sizeBytes: number;
  readonly dictionaryBytes: number;
  /** Of the compressed data, if the header says it. */
  readonly storedBytes?: number;
  readonly contentBytes?: number;
}

const hasStoredBytes = 0x40;
const hasContentBytes = 0x80;
const filterCount = 0x03;
const reserved = 0x3c;
const lzma2Filter = 0x21;
/** `xz -9` has 64 MiB; a hostile header may ask for 4 GiB. */
const maximalDictionaryBytes = 128 * 2 ** 20;

/** Parses a header, its size byte and check sum included; gives what is wrong with it otherwise. */
export function parseXzBlockHeader(bytes: Buffer): XzBlockHeader | string {
  const end = bytes.length - 4;
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) return 'the header of a block is damaged';
  const flags = bytes[1] as number;
  if ((flags & reserved) !== 0) return `a block has the flags ${flags}, which nobody knows`;
  if ((flags & filterCount) !== 0) return 'a block has more filters than LZMA2, which is not supported';
  let at = 2;
  const readIf = (flag: number) => {
    if ((flags & flag) === 0) return undefined;
    const integer = readXzInteger(bytes.subarray(0, end), at);
    at = integer?.end ?? end;
    return integer?.value;
  };
  const storedBytes = readIf(hasStoredBytes);
  const contentBytes = readIf(hasContentBytes);
  const [filter, propertyBytes, dictionary, ...padding] = bytes.subarray(at, end);
  if (filter !== lzma2Filter || propertyBytes !== 1 || dictionary === undefined)
    return 'a block has another filter than LZMA2, which is not supported';
  if (dictionary > 40 || padding.some((byte) => byte !== 0)) return 'the header of a block is not valid';
  const dictionaryBytes = dictionarySize(dictionary);
  if (dictionaryBytes > maximalDictionaryBytes)
    return `a block has a dictionary of ${dictionaryBytes} bytes, more than ${maximalDictionaryBytes}`;
  return {
    sizeBytes: bytes.length,
    dictionaryBytes,
    ...(storedBytes !== undefined && { storedBytes }),
    ...(contentBytes !== undefined && { contentBytes }),
  };
}

/** The .xz file format, 5.3.1: 4 KiB, 6 KiB, 8 KiB, 12 KiB, … */
function dictionarySize(byte: number): number {
  return (2 | (byte & 1)) * 2 ** ((byte >> 1) + 11);
}
