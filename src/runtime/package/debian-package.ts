import { GscError } from '../../base/error.ts';
import { imagePath } from '../../base/image-path.ts';
import { readTar } from '../../tar/read-tar.ts';
import { type ArMember, arMagic, readArArchive } from './ar-archive.ts';
import {
  ContentVisitor,
  checkArchitecture,
  type PackageContent,
  uncompressedPart,
} from './package-content.ts';

/** True for the first bytes of a Debian package (and of any other ar archive). */
export function startsAsDebianPackage(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, arMagic.length) === arMagic;
}

/**
 * Unpacks a Debian package: an ar archive of `debian-binary`, `control.tar` and `data.tar`. deb(5). Throws an `archive`
 * or `tar` error on damage, `platform` for another machine's, `runtime` for one without name or version.
 */
export async function readDebianPackage(bytes: Buffer, subject: string): Promise<PackageContent> {
  const members = readArArchive(bytes, subject);
  const [format] = members;
  if (format?.name !== 'debian-binary' || !format.content.toString('latin1').startsWith('2.')) {
    throw notDebian(subject, 'it does not begin with debian-binary, version 2');
  }
  const control = await readControl(memberNamed(members, 'control.tar', subject), subject);
  checkArchitecture(subject, control.get('Architecture') ?? '', ['amd64', 'all']);
  const data = await unpack(memberNamed(members, 'data.tar', subject), subject);
  return {
    name: fieldOf(control, 'Package', subject),
    version: upstreamVersion(fieldOf(control, 'Version', subject)),
    entries: data.entries,
    contents: data.contents,
  };
}

function memberNamed(members: readonly ArMember[], name: string, subject: string): ArMember {
  const member = members.find(
    (candidate) => candidate.name === name || candidate.name.startsWith(`${name}.`),
  );
  if (member !== undefined) return member;
  const names = members.map((candidate) => candidate.name).join(', ');
  throw notDebian(subject, `it has no ${name}, only ${names}`);
}

async function unpack({ name, content }: ArMember, subject: string): Promise<ContentVisitor> {
  const part = `${subject}: ${name}`;
  const visitor = new ContentVisitor(part);
  await readTar(uncompressedPart(content, part), visitor, part);
  return visitor;
}

/** The fields of `control`, by name; continued lines are left out. deb-control(5). */
async function readControl(member: ArMember, subject: string): Promise<ReadonlyMap<string, string>> {
  const { contents } = await unpack(member, subject);
  const text = contents.get(imagePath('control'))?.toString('utf8');
  if (text === undefined) throw notDebian(subject, `${member.name} has no file control`);
  return new Map(
    [...text.matchAll(/^([A-Za-z][\w-]*):(.*)$/gm)].map((match) => [match[1] ?? '', (match[2] ?? '').trim()]),
  );
}

function fieldOf(control: ReadonlyMap<string, string>, field: string, subject: string): string {
  const value = control.get(field);
  if (value !== undefined && value !== '') return value;
  throw notDebian(subject, `its control file has no ${field}`);
}

/** `[epoch:]upstream[-revision]`. deb-version(7). */
function upstreamVersion(version: string): string {
  return version.replace(/^\d+:/, '').replace(/-[^-]*$/, '');
}

function notDebian(subject: string, message: string): GscError {
  return new GscError({
    code: 'archive',
    subject,
    message: `not a Debian package: ${message}`,
    hint: 'download or copy the package again',
  });
}
