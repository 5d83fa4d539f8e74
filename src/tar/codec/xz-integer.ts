/** An integer of the .xz file format (1.2: seven bits per byte, the lowest first) and where it ends. */
export interface XzInteger {
  readonly value: number;
  readonly end: number;
}

/** Beyond what a number holds exactly there are no sizes of real files: 7 bytes hold 49 bits. */
const maximalBytes = 7;

/** Reads an integer at `start`; undefined if it does not end in time, or is written longer than it needs. */
export function readXzInteger(bytes: Buffer, start: number): XzInteger | undefined {
  let value = 0;
  for (let i = 0; i < maximalBytes; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return byte === 0 && i > 0 ? undefined : { value, end: start + i + 1 };
  }
  return undefined;
}
