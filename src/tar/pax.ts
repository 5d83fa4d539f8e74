import { type ByteString, textOfBytes } from '../base/image-path.ts';
import { type TarPlace, tarError } from './tar-error.ts';

/** Records of a PAX extended header by key; where a key appears twice, the last one counts. Values are bytes. */
export type PaxRecords = ReadonlyMap<ByteString, ByteString>;

/** Under this key `parsePax` leaves the sparse map of GNU's forms 0.0 and 0.1 alike: `offset,size,offset,size,…` */
export const sparseMapKey = 'GNU.sparse.map';

const sparseOffsetKey = 'GNU.sparse.offset';
const sparseSizeKey = 'GNU.sparse.numbytes';
const keysOfNames = new Set(['path', 'linkpath', 'uname', 'gname', 'GNU.sparse.name']);

/** Reads the content of an extended header: `LENGTH KEY=VALUE\n` again and again. POSIX pax, "pax Extended Header". */
export function parsePax(bytes: Buffer, place: TarPlace): PaxRecords {
  const text = bytes.toString('latin1');
  const records = new Map<ByteString, ByteString>();
  const sparseMap: ByteString[] = [];
  for (let at = 0; at < text.length; ) {
    const { key, value, end } = parseRecord(text, at, place);
    if (key === sparseOffsetKey || key === sparseSizeKey) {
      pushSparse(sparseMap, key, value, place);
    } else {
      records.set(key, value);
    }
    at = end;
  }
  if (sparseMap.length > 0) records.set(sparseMapKey, sparseMap.join(','));
  return records;
}

/** The content of an extended header with these records, in their order. */
export function formatPax(records: PaxRecords): Buffer {
  return Buffer.from([...records].map(([key, value]) => formatRecord(key, value)).join(''), 'latin1');
}

/** True if bytes can stand in a PAX record without `hdrcharset=BINARY`, that is, if they are UTF-8. */
export function isPaxText(bytes: ByteString): boolean {
  return textOfBytes(bytes) !== undefined;
}

interface PaxRecord {
  readonly key: ByteString;
  readonly value: ByteString;
  /** Where the next record begins. */
  readonly end: number;
}

function parseRecord(text: string, at: number, place: TarPlace): PaxRecord {
  const space = text.indexOf(' ', at);
  const digits = space < 0 ? '' : text.slice(at, space);
  if (!/^\d+$/.test(digits)) throw tarError(place, 'a PAX record does not begin with its length');
  const end = at + Number(digits);
  if (end > text.length || text[end - 1] !== '\n' || end <= space) {
    throw tarError(place, `a PAX record of ${digits} bytes does not end with a newline there`);
  }
  const equals = text.indexOf('=', space);
  if (equals < 0 || equals >= end || equals === space + 1) throw tarError(place, 'a PAX record has no key');
  const key = text.slice(space + 1, equals);
  const value = text.slice(equals + 1, end - 1);
  if (key.includes('\0') || (keysOfNames.has(key) && value.includes('\0'))) {
    throw tarError(place, `the PAX record ${JSON.stringify(key)} holds a NUL`);
  }
  return { key, value, end };
}

/** Form 0.0 repeats two keys, against POSIX; they must alternate. */
function pushSparse(map: ByteString[], key: ByteString, value: ByteString, place: TarPlace): void {
  const expected = map.length % 2 === 0 ? sparseOffsetKey : sparseSizeKey;
  if (key !== expected || value.includes(',')) throw tarError(place, `expected the PAX record ${expected}`);
  map.push(value);
}

/** The length counts its own digits. */
function formatRecord(key: ByteString, value: ByteString): ByteString {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}
