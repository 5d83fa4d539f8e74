import type { FileHandle } from 'node:fs/promises';
import { GscError } from '../../base/error.ts';
import type { ByteString } from '../../base/image-path.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import { fileBlob, type HeldPart } from '../../image/file-blob.ts';
import type { ByteStream } from '../../image/image.ts';
import { collectBytes } from '../../image/verified-stream.ts';

/** Read-only files by relative path: a directory, or a tar of one. */
export interface FileSet {
  /** How messages call it. */
  readonly name: string;
  /** Size of a regular file, or undefined if there is none of that name. */
  sizeOf(path: ByteString): Promise<number | undefined>;
  /** A file's bytes, from the beginning to `limitBytes` or to its end. */
  open(path: ByteString, limitBytes?: number): ByteStream;
  /** Where a file's bytes are; it stays open until the part is released. */
  hold(path: ByteString): Promise<HeldPart>;
  /** Gives back what it holds; readings after that fail. */
  close(): Promise<void>;
}

/**
 * Manifests, indexes and configs are read as a whole. The largest known configs are below 1 MiB; registries take
 * manifests up to 4 MiB (OCI distribution-spec, "Pushing Manifests").
 */
export const maximalDocumentBytes = 32 * 1024 * 1024;

/** Pieces of this size keep SHA-256 and zlib at full speed. */
const pieceBytes = 1024 * 1024;

/** A whole small file, or undefined if there is none. Throws an `archive` error if it is too large for a document. */
export async function readDocument(files: FileSet, path: ByteString): Promise<Buffer | undefined> {
  const sizeBytes = await files.sizeOf(path);
  if (sizeBytes === undefined) return undefined;
  if (sizeBytes <= maximalDocumentBytes) return collectBytes(files.open(path));
  throw new GscError({
    code: 'archive',
    subject: `${files.name}: ${path}`,
    message: `expected a document of at most ${maximalDocumentBytes} bytes, got ${sizeBytes}`,
    hint: 'this is not an image; export it again',
  });
}

/** A blob in a file of the set, checked against its descriptor. */
export function openBlob(files: FileSet, path: ByteString, descriptor: Descriptor): ByteStream {
  return fileBlob({ descriptor, where: files.name, hold: () => files.hold(path) });
}

/** `sizeBytes` bytes of an open file from `offset` on, or fewer if it ends before. */
export async function* readRange(file: FileHandle, offset: number, sizeBytes: number): ByteStream {
  for (let done = 0; done < sizeBytes; ) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, sizeBytes - done));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset + done);
    if (bytesRead === 0) return;
    done += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
