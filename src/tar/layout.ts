/** A field of a header block. */
export interface TarField {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Tars are made of blocks of this size. POSIX pax, "ustar Interchange Format". */
export const blockBytes = 512;

/** The header block of POSIX; v7 has the fields before `magic` only. */
export const ustarFields = {
  name: { offset: 0, sizeBytes: 100 },
  mode: { offset: 100, sizeBytes: 8 },
  uid: { offset: 108, sizeBytes: 8 },
  gid: { offset: 116, sizeBytes: 8 },
  size: { offset: 124, sizeBytes: 12 },
  mtime: { offset: 136, sizeBytes: 12 },
  checksum: { offset: 148, sizeBytes: 8 },
  typeFlag: { offset: 156, sizeBytes: 1 },
  linkName: { offset: 157, sizeBytes: 100 },
  magic: { offset: 257, sizeBytes: 8 },
  devMajor: { offset: 329, sizeBytes: 8 },
  devMinor: { offset: 337, sizeBytes: 8 },
  prefix: { offset: 345, sizeBytes: 155 },
} as const satisfies Record<string, TarField>;

/** Fields that GNU tar's old format puts where POSIX has the prefix. GNU tar manual, "Basic Tar Format". */
export const gnuFields = {
  atime: { offset: 345, sizeBytes: 12 },
  ctime: { offset: 357, sizeBytes: 12 },
  sparse: { offset: 386, sizeBytes: 96 },
  isExtended: { offset: 482, sizeBytes: 1 },
  realSize: { offset: 483, sizeBytes: 12 },
} as const satisfies Record<string, TarField>;

/** A block that continues the sparse map of GNU tar's old format. */
export const gnuSparseFields = {
  sparse: { offset: 0, sizeBytes: 504 },
  isExtended: { offset: 504, sizeBytes: 1 },
} as const satisfies Record<string, TarField>;

/** The fields of Schilling's star: a shorter prefix, and `tar` at the end of the block. */
export const starFields = {
  prefix: { offset: 345, sizeBytes: 131 },
  trailer: { offset: 508, sizeBytes: 4 },
} as const satisfies Record<string, TarField>;

/** Bytes that fill up the last block after `sizeBytes` of content. */
export function paddingBytes(sizeBytes: number): number {
  return (blockBytes - (sizeBytes % blockBytes)) % blockBytes;
}
