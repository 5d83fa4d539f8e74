import { hash } from 'node:crypto';
import { GscError } from '../../base/error.ts';
import {
  ContentVisitor,
  checkArchitecture,
  type PackageContent,
  uncompressedPart,
} from './package-content.ts';
import { readCpio } from './read-cpio.ts';
import { parseRpmHeader, type RpmHeader } from './rpm-header.ts';

/** RPM documentation, "RPM package format", "Lead". */
const leadMagic = Buffer.from('edabeedb', 'hex');
const leadBytes = 96;

/** RPM documentation, "RPM tags". */
const tags = {
  name: 1000,
  version: 1001,
  architecture: 1022,
  payloadFormat: 1124,
  payloadDigest: 5092,
  payloadDigestAlgorithm: 5093,
} as const;
/** RFC 9580, 9.5: SHA2-256. */
const sha256Algorithm = 8;

/** True for the first bytes of an rpm package. */
export function startsAsRpmPackage(bytes: Buffer): boolean {
  return bytes.subarray(0, leadMagic.length).equals(leadMagic);
}

/**
 * Unpacks an rpm package: lead, signature header, header, and a compressed cpio archive, whose SHA-256 is checked against
 * the header (packages before rpm 4.14 have none). Signatures are not checked. Throws an `archive` or `tar` error on damage, `blob`
 * if the digest differs, `platform` for another machine's.
 */
export async function readRpmPackage(bytes: Buffer, subject: string): Promise<PackageContent> {
  if (bytes.length < leadBytes || !startsAsRpmPackage(bytes)) throw notRpm(subject, 'it has no lead');
  const signature = parseRpmHeader(bytes, leadBytes, subject);
  const header = parseRpmHeader(bytes, alignedTo8(signature.end), subject);
  checkArchitecture(subject, header.text(tags.architecture) ?? '', ['x86_64', 'noarch']);
  const format = header.text(tags.payloadFormat) ?? 'cpio';
  if (format !== 'cpio') throw notRpm(subject, `expected a cpio archive in it, got ${format}`);
  const payload = bytes.subarray(header.end);
  checkPayload(payload, header, subject);
  const visitor = new ContentVisitor(subject);
  await readCpio(uncompressedPart(payload, subject), visitor, subject);
  return {
    name: fieldOf(header, 'name', subject),
    version: fieldOf(header, 'version', subject),
    entries: visitor.entries,
    contents: visitor.contents,
  };
}

function checkPayload(payload: Buffer, header: RpmHeader, subject: string): void {
  const expected = header.text(tags.payloadDigest);
  if (expected === undefined || header.number(tags.payloadDigestAlgorithm) !== sha256Algorithm) return;
  const got = hash('sha256', payload, 'hex');
  if (got === expected) return;
  throw new GscError({
    code: 'blob',
    subject,
    message: `the content has a different digest: expected sha256:${expected}, got sha256:${got}`,
    hint: 'download or copy the package again',
  });
}

function fieldOf(header: RpmHeader, tag: 'name' | 'version', subject: string): string {
  const value = header.text(tags[tag]);
  if (value !== undefined && value !== '') return value;
  throw notRpm(subject, `its header has no ${tag}`);
}

function alignedTo8(offset: number): number {
  return (offset + 7) & ~7;
}

function notRpm(subject: string, message: string): GscError {
  return new GscError({
    code: 'archive',
    subject,
    message: `not an rpm package: ${message}`,
    hint: 'download or copy the package again',
  });
}
