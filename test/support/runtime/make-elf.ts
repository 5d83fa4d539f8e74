export interface ElfRecipe {
  readonly interpreter?: string;
  /** Bytes that the interpreter's path takes in the file; by default its length and a NUL. */
  readonly interpreterRoom?: number;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  /** Anything that sets this file apart from others. */
  readonly payload?: string;
  /** ELFCLASS32 and i386 instead of x86-64. */
  readonly is32Bit?: boolean;
}

/** A small ELF64 file with the sections that loading needs, and nothing that could run. */
export function makeElf(recipe: ElfRecipe = {}): Buffer {
  const strings = ['\0'];
  const offsetOf = (text: string) => {
    const offset = strings.join('').length;
    strings.push(`${text}\0`);
    return offset;
  };
  const pairs: [number, number][] = (recipe.needed ?? []).map((name) => [1, offsetOf(name)]);
  if (recipe.soname !== undefined) pairs.push([14, offsetOf(recipe.soname)]);
  if (recipe.rpath !== undefined) pairs.push([15, offsetOf(recipe.rpath)]);
  if (recipe.runpath !== undefined) pairs.push([29, offsetOf(recipe.runpath)]);
  const isDynamic = pairs.length > 0 || recipe.interpreter !== undefined;

  const interpreter = Buffer.alloc(recipe.interpreterRoom ?? (recipe.interpreter?.length ?? 0) + 1);
  interpreter.write(recipe.interpreter ?? '', 'latin1');
  const table = Buffer.from(strings.join(''), 'latin1');
  const headers = 64 + 3 * 56;
  const tableAt = headers + interpreter.length;
  const dynamicAt = tableAt + table.length;
  pairs.push([5, tableAt], [10, table.length], [0, 0]);
  const dynamic = Buffer.alloc(pairs.length * 16);
  for (const [index, [key, value]] of pairs.entries()) {
    dynamic.writeBigUInt64LE(BigInt(key), index * 16);
    dynamic.writeBigUInt64LE(BigInt(value), index * 16 + 8);
  }

  const body = Buffer.concat([interpreter, table, dynamic, Buffer.from(recipe.payload ?? '')]);
  const segments: [number, number, number][] = [[1, 0, headers + body.length]];
  if (recipe.interpreter !== undefined) segments.push([3, headers, interpreter.length]);
  if (isDynamic) segments.push([2, dynamicAt, dynamic.length]);
  return Buffer.concat([head(segments, recipe.is32Bit ?? false), body]);
}

function head(segments: readonly (readonly [number, number, number])[], is32Bit: boolean): Buffer {
  const bytes = Buffer.alloc(64 + 3 * 56);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, is32Bit ? 1 : 2, 1, 1]).copy(bytes);
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(is32Bit ? 3 : 62, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(segments.length, 56);
  for (const [index, [type, offset, sizeBytes]] of segments.entries()) {
    const at = 64 + index * 56;
    bytes.writeUInt32LE(type, at);
    for (const field of [8, 16]) bytes.writeBigUInt64LE(BigInt(offset), at + field);
    for (const field of [32, 40]) bytes.writeBigUInt64LE(BigInt(sizeBytes), at + field);
  }
  return bytes;
}
