import type { FileHandle } from 'node:fs/promises';
import type { GscError } from '../base/error.ts';
import type { ByteString } from '../base/image-path.ts';
import { parseHeader, type TarHeader } from './header.ts';
import { blockBytes, paddingBytes } from './layout.ts';
import { type PaxRecords, parsePax } from './pax.ts';
import { type TarPlace, tarError } from './tar-error.ts';

/** Where an entry of a seekable tar lies. Other types than these three are left out. */
export type ArchiveEntry =
  | {
      readonly kind: 'file';
      readonly name: ByteString;
      /** Where the content begins, in bytes. */
      readonly offset: number;
      readonly sizeBytes: number;
    }
  | {
      readonly kind: 'hardlink' | 'symlink';
      readonly name: ByteString;
      /** As stored. */
      readonly target: ByteString;
    };

/** What extension headers say about the next entry. */
interface Extension {
  readonly name?: ByteString;
  readonly linkName?: ByteString;
  readonly sizeBytes?: number;
}

/** Long names and PAX records are small; a larger one is damage. */
const maximalExtensionBytes = 1024 * 1024;

/**
 * Lists a seekable tar by jumping from header to header, in order; contents are not read. Sparse files are refused.
 * Throws a `tar` error on a damaged header, and on an archive that ends inside an entry.
 */
export async function indexArchive(file: FileHandle, subject: string): Promise<readonly ArchiveEntry[]> {
  const { size: endOffset } = await file.stat();
  const entries: ArchiveEntry[] = [];
  let extension: Extension = {};
  let offset = 0;
  for (;;) {
    const block = await readBlock(file, { offset, endOffset, subject });
    if (block === undefined) return entries;
    const place = { subject, offset };
    const header = parseHeader(block, place);
    const sizeBytes = storedBytes(header, extension);
    const contentOffset = offset + blockBytes;
    if (contentOffset + sizeBytes > endOffset) {
      throw tarError(place, `the archive is cut short: the entry has ${sizeBytes} bytes`);
    }
    if (header.typeFlag === 'S') throw sparseFile(place);
    if (isExtension(header.typeFlag)) {
      if (sizeBytes > maximalExtensionBytes)
        throw tarError(place, `an extension header of ${sizeBytes} bytes`);
      const content = await readExactly(file, contentOffset, sizeBytes);
      extension = { ...extension, ...readExtension(header.typeFlag, content, place) };
    } else {
      const entry = toEntry(header, extension, { offset: contentOffset, sizeBytes });
      if (entry) entries.push(entry);
      extension = {};
    }
    offset = contentOffset + sizeBytes + paddingBytes(sizeBytes);
  }
}

/** The next header block, or undefined at the end: a block of zeros, or no more blocks. */
async function readBlock(
  file: FileHandle,
  at: { readonly offset: number; readonly endOffset: number; readonly subject: string },
): Promise<Buffer | undefined> {
  const left = at.endOffset - at.offset;
  if (left <= 0 && at.offset > 0) return undefined;
  if (left < blockBytes) {
    throw tarError(at, `expected a header of ${blockBytes} bytes, got ${Math.max(left, 0)}`);
  }
  const block = await readExactly(file, at.offset, blockBytes);
  return block.some((byte) => byte !== 0) ? block : undefined;
}

async function readExactly(file: FileHandle, offset: number, sizeBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(sizeBytes);
  for (let filled = 0; filled < sizeBytes; ) {
    const { bytesRead } = await file.read(buffer, filled, sizeBytes - filled, offset + filled);
    if (bytesRead === 0) throw tarError({ subject: 'tar', offset: offset + filled }, 'the file shrank');
    filled += bytesRead;
  }
  return buffer;
}

/** PAX headers apply to the entry itself, not to further extension headers before it. */
function storedBytes(header: TarHeader, extension: Extension): number {
  if (isExtension(header.typeFlag)) return header.sizeBytes;
  return isFile(header.typeFlag) ? (extension.sizeBytes ?? header.sizeBytes) : 0;
}

function isExtension(typeFlag: string): boolean {
  return 'xgLK'.includes(typeFlag);
}

function isFile(typeFlag: string): boolean {
  return !'123456'.includes(typeFlag);
}

function readExtension(typeFlag: string, content: Buffer, place: TarPlace): Extension {
  const untilNul = () => content.toString('latin1').replace(/\0.*$/s, '');
  switch (typeFlag) {
    case 'L':
      return { name: untilNul() };
    case 'K':
      return { linkName: untilNul() };
    case 'x':
      return fromPax(parsePax(content, place), place);
    default:
      return fromGlobalPax(parsePax(content, place), place);
  }
}

/** Global headers hold comments; names or sizes in them would be those of every entry, and readers disagree about that. */
function fromGlobalPax(records: PaxRecords, place: TarPlace): Extension {
  const changing = [...records.keys()].find((key) => /^(?:path|linkpath|size|GNU\.sparse\..*)$/.test(key));
  if (changing !== undefined) throw tarError(place, `${changing} in a global header`);
  return {};
}

function fromPax(records: PaxRecords, place: TarPlace): Extension {
  const [name, linkName, size] = [records.get('path'), records.get('linkpath'), records.get('size')];
  if ([...records.keys()].some((key) => key.startsWith('GNU.sparse.'))) {
    throw sparseFile(place);
  }
  if (size !== undefined && !(/^\+?\d+$/.test(size) && Number.isSafeInteger(Number(size)))) {
    throw tarError(place, `the PAX record size is not a number: ${JSON.stringify(size)}`);
  }
  return {
    ...(name !== undefined && { name }),
    ...(linkName !== undefined && { linkName }),
    ...(size !== undefined && { sizeBytes: Number(size) }),
  };
}

function sparseFile(place: TarPlace): GscError {
  return tarError(place, 'a sparse file in an image archive', 'write the archive again without --sparse');
}

function toEntry(
  header: TarHeader,
  extension: Extension,
  content: { readonly offset: number; readonly sizeBytes: number },
): ArchiveEntry | undefined {
  const name = extension.name ?? header.name;
  const target = extension.linkName ?? header.linkName;
  if (header.typeFlag === '1') return { kind: 'hardlink', name, target };
  if (header.typeFlag === '2') return { kind: 'symlink', name, target };
  // Old tars write a directory as a file whose name ends in a slash.
  return isFile(header.typeFlag) && !name.endsWith('/') ? { kind: 'file', name, ...content } : undefined;
}
