import { GscError } from '../../base/error.ts';
import { type ByteString, showBytes } from '../../base/image-path.ts';

/** A file in an ar archive. */
export interface ArMember {
  /** Without padding and without the slash that System V puts after it. */
  readonly name: ByteString;
  /** A view into the archive. */
  readonly content: Buffer;
}

/** How every ar archive begins. Debian: deb(5); System V: ar(5). */
export const arMagic = '!<arch>\n';

const headerBytes = 60;
const nameField = [0, 16] as const;
const sizeField = [48, 58] as const;
const headerEnd = '`\n';

/**
 * The members of an ar archive in their order, as Debian packages are made: short names only. Throws an `archive` error
 * on anything else, and on what is cut short or comes after the last member.
 */
export function readArArchive(bytes: Buffer, subject: string): readonly ArMember[] {
  if (bytes.toString('latin1', 0, arMagic.length) !== arMagic) {
    throw arError(subject, 0, 'expected an ar archive');
  }
  const members: ArMember[] = [];
  let at = arMagic.length;
  while (at < bytes.length) {
    const { name, sizeBytes } = parseHeader(bytes.subarray(at, at + headerBytes), at, subject);
    const start = at + headerBytes;
    if (start + sizeBytes > bytes.length) {
      const left = bytes.length - start;
      throw arError(subject, at, `${showBytes(name)} is cut short: expected ${sizeBytes} bytes, got ${left}`);
    }
    members.push({ name, content: bytes.subarray(start, start + sizeBytes) });
    // Members begin at even places; the last one's padding may be missing.
    at = start + sizeBytes + (sizeBytes % 2);
  }
  return members;
}

function parseHeader(
  header: Buffer,
  at: number,
  subject: string,
): { readonly name: ByteString; readonly sizeBytes: number } {
  if (header.length < headerBytes) throw arError(subject, at, 'the header of a member is cut short');
  if (header.toString('latin1', headerBytes - 2) !== headerEnd) {
    throw arError(subject, at, 'expected the header of a member');
  }
  const name = header.toString('latin1', ...nameField).trimEnd();
  if (name === '' || name.startsWith('/') || name.startsWith('#1/')) {
    throw arError(subject, at, `expected a member with a short name, got ${JSON.stringify(name)}`);
  }
  const size = header.toString('latin1', ...sizeField).trimEnd();
  if (!/^\d+$/.test(size)) throw arError(subject, at, `expected a size, got ${JSON.stringify(size)}`);
  return { name: name.replace(/\/$/, ''), sizeBytes: Number(size) };
}

function arError(subject: string, at: number, message: string): GscError {
  return new GscError({
    code: 'archive',
    subject,
    message: `at byte ${at}: ${message}`,
    hint: 'download or copy the file again',
  });
}
