import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What guards the content of a block. The .xz file format, 2.1.1.2 and 3.4. */
export interface XzCheck {
  readonly sizeBytes: number;
  /** Undefined for checks that no program of today writes: their bytes are passed over. */
  readonly start?: () => RunningCheck;
}

export interface RunningCheck {
  update(piece: Buffer): void;
  /** As the block stores it. */
  finish(): Buffer;
}

/** The check that the low half of the stream's flags stands for: xz writes CRC64, dpkg CRC32, rpm SHA-256. */
export function xzCheckOf(type: number): XzCheck {
  const sizeBytes = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64][type] ?? 0;
  const start = { 1: startCrc32, 4: startCrc64, 10: startSha256 }[type];
  return { sizeBytes, ...(start && { start }) };
}

function startCrc32(): RunningCheck {
  let value = 0;
  return {
    update: (piece) => {
      value = crc32(piece, value);
    },
    finish: () => littleEndian(value),
  };
}

function startSha256(): RunningCheck {
  const hash = createHash('sha256');
  return { update: (piece) => void hash.update(piece), finish: () => hash.digest() };
}

/** ECMA-182, reflected. The .xz file format, 6. */
const crc64Polynomial = { high: 0xc96c5795, low: 0xd7870f42 };
const crc64Table = makeCrc64Table();

/** In halves of 32 bits: bigint costs a hundred times as much. */
function startCrc64(): RunningCheck {
  let [high, low] = [0xffffffff, 0xffffffff];
  return {
    update: (piece) => {
      // An iterator over the bytes takes three times as long.
      for (let i = 0; i < piece.length; i++) {
        const index = 2 * ((low ^ (piece[i] as number)) & 0xff);
        low = ((low >>> 8) | (high << 24)) ^ (crc64Table[index + 1] as number);
        high = (high >>> 8) ^ (crc64Table[index] as number);
      }
    },
    finish: () => Buffer.concat([littleEndian(~low >>> 0), littleEndian(~high >>> 0)]),
  };
}

function makeCrc64Table(): Uint32Array {
  const table = new Uint32Array(512);
  for (let byte = 0; byte < 256; byte++) {
    let [high, low] = [0, byte];
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = (low & 1) === 1;
      low = (low >>> 1) | (high << 31);
      high = high >>> 1;
      if (isOdd) [high, low] = [high ^ crc64Polynomial.high, low ^ crc64Polynomial.low];
    }
    table.set([high, low], 2 * byte);
  }
  return table;
}

function littleEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
