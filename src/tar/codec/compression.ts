/** How a layer or an archive is compressed. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2';

/** `sniffCompression` knows all that it can know from this many bytes. */
export const sniffBytes = 10;

/** How streams begin, in latin1. */
const starts: readonly (readonly [Compression, readonly string[]])[] = [
  // RFC 1952, 2.3.1: the magic number, and deflate, the only method there is.
  ['gzip', ['\x1f\x8b\x08']],
  // RFC 8878, 3.1: a frame, or one of 16 kinds of skippable frame, as pzstd begins with.
  ['zstd', ['\x28\xb5\x2f\xfd', ...charactersFrom(0x50, 16).map((first) => `${first}\x2a\x4d\x18`)]],
  ['xz', ['\xfd7zXZ\0']],
  // The block size, then the first block's magic number (pi) or that of an empty stream's end (its root).
  ['bzip2', charactersFrom(0x31, 9).flatMap((size) => [`BZh${size}1AY&SY`, `BZh${size}\x17rE8P\x90`])],
];

/** The compression that the first bytes of a stream show; fewer than `sniffBytes` if the stream is shorter. */
export function sniffCompression(firstBytes: Buffer): Compression {
  const text = firstBytes.toString('latin1', 0, sniffBytes);
  return starts.find(([, variants]) => variants.some((start) => text.startsWith(start)))?.[0] ?? 'none';
}

function charactersFrom(first: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => String.fromCharCode(first + i));
}
