/** A field of a binary record: numbers are little-endian, `bytes` are as they stand. */
export type Field = readonly [name: string, offset: number, size: 1 | 2 | 4 | 8 | { readonly bytes: number }];

/** Values of a record's fields: numbers up to 4 bytes, bigint for 8, bytes for the rest. Missing means zero. */
export type FieldValues = Readonly<Record<string, number | bigint | Uint8Array>>;

/** A binary layout: its size in bytes and its fields (name, offset, size). Gaps are zero. */
export interface RecordLayout {
  readonly sizeBytes: number;
  readonly fields: readonly Field[];
}

/** The bytes of a record. Throws a RangeError on a value that is not in the layout or does not fit its field. */
export function encodeRecord(layout: RecordLayout, values: FieldValues): Buffer {
  const bytes = Buffer.alloc(layout.sizeBytes);
  const known = new Set(layout.fields.map(([name]) => name));
  for (const name of Object.keys(values))
    if (!known.has(name)) throw new RangeError(`no field ${name} in the record`);
  for (const field of layout.fields) {
    const value = values[field[0]];
    if (value !== undefined) writeField(bytes, field, value);
  }
  return bytes;
}

/** The values of all fields of a record; `bytes` fields are views into `bytes`. */
export function decodeRecord(
  layout: RecordLayout,
  bytes: Buffer,
): Record<string, number | bigint | Uint8Array> {
  if (bytes.length !== layout.sizeBytes) {
    throw new RangeError(`expected ${layout.sizeBytes} bytes, got ${bytes.length}`);
  }
  return Object.fromEntries(layout.fields.map((field) => [field[0], readField(bytes, field)]));
}

function writeField(bytes: Buffer, [name, offset, size]: Field, value: number | bigint | Uint8Array): void {
  if (typeof size === 'object') {
    if (!(value instanceof Uint8Array) || value.length !== size.bytes) {
      throw new RangeError(`field ${name} takes ${size.bytes} bytes`);
    }
    bytes.set(value, offset);
  } else if (size === 8) {
    if (typeof value !== 'bigint') throw new RangeError(`field ${name} takes a bigint`);
    bytes.writeBigUInt64LE(value, offset);
  } else {
    if (typeof value !== 'number') throw new RangeError(`field ${name} takes a number`);
    bytes.writeUIntLE(value, offset, size);
  }
}

function readField(bytes: Buffer, [, offset, size]: Field): number | bigint | Uint8Array {
  if (typeof size === 'object') return bytes.subarray(offset, offset + size.bytes);
  return size === 8 ? bytes.readBigUInt64LE(offset) : bytes.readUIntLE(offset, size);
}
