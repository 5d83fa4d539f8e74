import { type ErrorCode, GscError } from '../base/error.ts';
import type { FileBlob, FilePart } from '../image/file-blob.ts';
import type { Layer } from '../image/image.ts';
import type { LayerIndex } from './layer-index.ts';
import type { PackedEntries } from './packed-index.ts';

/** What the thread that reads a blob tells the one that lists its layer. One layer at a time. */
export type ToScanThread =
  | {
      readonly kind: 'scan';
      readonly layer: Pick<Layer, 'descriptor' | 'diffId'>;
      readonly subject: string;
      /** Of a {@link ThreadObserver}: what it goes by, and what it is made with. */
      readonly observer?: { readonly name: string; readonly input: unknown };
      /** The blob's place, if it is in a file: then no piece of it is sent. */
      readonly file?: OrderedFile;
    }
  /** Bytes of the blob as stored; the memory goes with them. */
  | { readonly kind: 'piece'; readonly bytes: Uint8Array }
  /** The blob is complete and is what its descriptor says. */
  | { readonly kind: 'end' }
  /** Reading the blob has failed. */
  | { readonly kind: 'broken' }
  /** The blob in a file is not wanted any more. */
  | { readonly kind: 'abort' };

/** A file that the thread which reads blobs holds open. */
export type OrderedFile = FilePart & Pick<FileBlob, 'where'>;

/** What a thread that lists layers answers. */
export type FromScanThread =
  | { readonly kind: 'ready' }
  /** A piece that is not needed any more; its memory goes back. */
  | { readonly kind: 'taken'; readonly memory: ArrayBuffer }
  /** So many more bytes of a blob in a file are being read. */
  | { readonly kind: 'read'; readonly sizeBytes: number }
  | ScanOutcome;

/** How the listing of a layer ended. */
export type ScanOutcome =
  /** The index in parts, and what the observer saw. */
  | {
      readonly kind: 'done';
      readonly facts: Pick<LayerIndex, 'sizeBytes' | 'ignoredKeys'>;
      readonly packed: PackedEntries;
      readonly observed: unknown;
    }
  | { readonly kind: 'failed'; readonly error: PackedError }
  /** Nothing was wrong with what came before the reading failed. */
  | { readonly kind: 'broken' };

/** An error as it passes between threads, which keep only the built-in kinds. */
export type PackedError =
  | {
      readonly kind: 'gsc';
      readonly code: ErrorCode;
      readonly subject: string;
      readonly detail: string;
      readonly hint: string | undefined;
      readonly cause: unknown;
      readonly isPassing: boolean;
    }
  | { readonly kind: 'other'; readonly error: unknown };

export function packError(error: unknown): PackedError {
  if (!(error instanceof GscError)) return { kind: 'other', error };
  const { code, subject, detail, hint, cause, isPassing } = error;
  return { kind: 'gsc', code, subject, detail, hint, cause, isPassing };
}

export function unpackError(packed: PackedError): unknown {
  if (packed.kind === 'other') return packed.error;
  const { code, subject, detail, hint, cause, isPassing } = packed;
  const more = { ...(hint !== undefined && { hint }), ...(cause !== undefined && { cause }) };
  return new GscError({ code, subject, message: detail, ...more, isPassing });
}
