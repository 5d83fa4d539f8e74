import { GscError } from '../../base/error.ts';
import { type ByteString, type ImagePath, imagePath } from '../../base/image-path.ts';
import type { ByteStream } from '../../image/image.ts';
import { LayerVisitor } from '../../scan/layer-visitor.ts';
import { decompress } from '../../tar/codec/decompress.ts';
import type { TarEntry, TarVisitor } from '../../tar/tar-entry.ts';
import type { LayerEntry } from '../../tree/entry.ts';

/** A package of a distribution, unpacked in memory. */
export interface PackageContent {
  readonly name: string;
  /** The version of what is packaged, without the distribution's own revision. */
  readonly version: string;
  /** As a layer's. */
  readonly entries: readonly LayerEntry[];
  /** The contents of the regular files among them, under each of their names. */
  readonly contents: ReadonlyMap<ImagePath, Buffer>;
}

/** Gramine's packages unpack to some 50 MB; what is much larger is not a part of a runtime. */
const maximalContentBytes = 1_000_000_000;

/**
 * The uncompressed bytes of a part of a package, however it is compressed, see {@link decompress}. Throws a `tar` error on
 * damage, a `runtime` error beyond 1 GB.
 */
export async function* uncompressedPart(bytes: Buffer, subject: string): ByteStream {
  let sizeBytes = 0;
  for await (const piece of decompress(inPieces(bytes), subject)) {
    sizeBytes += piece.length;
    if (sizeBytes > maximalContentBytes) throw tooLarge(subject);
    yield piece;
  }
}

/** Collects entries, as a layer's, and the contents of files. */
export class ContentVisitor implements TarVisitor {
  readonly #layer: LayerVisitor;
  readonly #contents = new Map<ImagePath, Buffer>();
  #file: { readonly path: ImagePath; readonly pieces: Buffer[] } | undefined;

  constructor(subject: string) {
    this.#layer = new LayerVisitor(subject);
  }

  get entries(): readonly LayerEntry[] {
    return this.#layer.entries;
  }

  get contents(): ReadonlyMap<ImagePath, Buffer> {
    return this.#contents;
  }

  entry(entry: TarEntry): void {
    this.#layer.entry(entry);
    const path = imagePath(entry.name);
    this.#file = entry.type === 'file' ? { path, pieces: [] } : undefined;
    const linked = entry.type === 'hardlink' ? this.#contents.get(imagePath(entry.linkName)) : undefined;
    if (linked) this.#contents.set(path, linked);
  }

  data(piece: Buffer): void {
    this.#layer.data(piece);
    this.#file?.pieces.push(Buffer.from(piece));
  }

  end(): void {
    this.#layer.end();
    if (this.#file) this.#contents.set(this.#file.path, Buffer.concat(this.#file.pieces));
    this.#file = undefined;
  }
}

/** The `platform` error for a package that is not for x86-64, the only machine with SGX. */
export function checkArchitecture(
  subject: string,
  architecture: ByteString,
  expected: readonly string[],
): void {
  if (expected.includes(architecture)) return;
  throw new GscError({
    code: 'platform',
    subject,
    message: `expected a package for ${expected.join(' or ')}, got one for ${JSON.stringify(architecture)}`,
    hint: 'SGX is a feature of x86-64 processors: take the package for them',
  });
}

function tooLarge(subject: string): GscError {
  return new GscError({
    code: 'runtime',
    subject,
    message: `expected a package of at most ${maximalContentBytes} bytes, got more`,
    hint: 'give the package of Gramine itself, without debug information',
  });
}

const pieceBytes = 1 << 20;

async function* inPieces(bytes: Buffer): ByteStream {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
