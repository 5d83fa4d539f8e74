import { checksumOf } from '../../../src/tar/header.ts';
import { ustarFields } from '../../../src/tar/layout.ts';
import { formatPax } from '../../../src/tar/pax.ts';

export interface RawHeader {
  readonly name?: string;
  readonly typeFlag?: string;
  readonly size?: number;
  readonly linkName?: string;
  /** Written over the finished header, before the checksum. */
  readonly patch?: (block: Buffer) => void;
}

/** A header block for tests, which may be wrong in any way. */
export function rawHeader(header: RawHeader): Buffer {
  const block = Buffer.alloc(512);
  block.write(header.name ?? 'file', 0, 'latin1');
  block.write('0000644\0', 100, 'latin1');
  block.write('0000000\0', 108, 'latin1');
  block.write('0000000\0', 116, 'latin1');
  block.write(`${(header.size ?? 0).toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('00000000000\0', 136, 'latin1');
  block.write(header.typeFlag ?? '0', 156, 'latin1');
  block.write(header.linkName ?? '', 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  header.patch?.(block);
  return sealed(block);
}

/** The block with its checksum made right. */
export function sealed(block: Buffer): Buffer {
  const sum = checksumOf(block).toString(8).padStart(6, '0');
  block.write(`${sum}\0 `, ustarFields.checksum.offset, 'latin1');
  return block;
}

/** Content filled up to whole blocks. */
export function padded(content: Buffer | string): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** A header with its content. */
export function rawEntry(header: RawHeader, content: Buffer | string = ''): Buffer {
  return Buffer.concat([rawHeader({ size: content.length, ...header }), padded(content)]);
}

/** A PAX extended header (`x` or `g`). */
export function rawPax(records: Readonly<Record<string, string>>, typeFlag = 'x'): Buffer {
  return rawEntry({ name: 'PaxHeaders/x', typeFlag }, formatPax(new Map(Object.entries(records))));
}

/** The two zero blocks. */
export const endMark = Buffer.alloc(1024);

/** A whole tar of parts. */
export function rawTar(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, endMark]);
}
