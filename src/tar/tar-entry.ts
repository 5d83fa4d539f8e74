import type { ByteString } from '../base/image-path.ts';

/** What an entry makes. POSIX pax, "ustar Interchange Format": an unknown type counts as a file. */
export type TarType =
  | 'file'
  | 'hardlink'
  | 'symlink'
  | 'character-device'
  | 'block-device'
  | 'directory'
  | 'fifo';

/** One entry of a tar, with its long names, PAX records and sparse map already worked in. */
export interface TarEntry {
  /** As stored, never empty and without NUL: not cleaned, may start or end with a slash or hold `..`. */
  readonly name: ByteString;
  readonly type: TarType;
  /** The type flag as stored, one character; differs from the usual ones where an unknown type counts as a file. */
  readonly typeFlag: ByteString;
  /** The 12 low mode bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Size of the content, holes included; 0 for all but files. */
  readonly sizeBytes: number;
  /** Seconds since 1970, may be negative or have a fraction. */
  readonly mtimeSeconds: number;
  /** Target of a hard or symbolic link as stored; empty for other types. */
  readonly linkName: ByteString;
  /** 0 for all but devices. */
  readonly devMajor: number;
  readonly devMinor: number;
  /** Extended attributes by name (`security.capability`, …). */
  readonly xattrs: ReadonlyMap<ByteString, Buffer>;
  /** Where the entry's own header block begins in the uncompressed tar; extension headers lie before it. */
  readonly headerOffset: number;
}

/**
 * Receives a tar in order: `entry`, then its content in pieces of any size (files only), then `end`, and so on.
 * Pieces are views that may be reused by others: read them at once or copy them, never write to them.
 * What a visitor throws ends the reading and reaches the caller unchanged.
 */
export interface TarVisitor {
  /** Keys of a global extended header, which has no effect: the engines pass over it too (Go's archive/tar). */
  ignored?(keys: readonly ByteString[]): void;
  entry(entry: TarEntry): void;
  data(piece: Buffer): void;
  end(): void;
}
