import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, lstat, open, readdir, stat } from 'node:fs/promises';
import { GscError, systemErrorCode } from '../../base/error.ts';
import { readError } from '../../base/read-file.ts';
import { mapInBatches } from './batch.ts';

/** What the path of a trusted file leads to, with all links followed. */
export interface FoundFile {
  readonly kind: 'file' | 'directory' | 'other' | 'missing';
  /** Where it is on this machine. */
  readonly hostPath: string;
  /** The path that names of a directory's children start with in the manifest, without a trailing slash (except `/`). */
  readonly listedAs: string;
}

/** A file or directory to expand to, found by listing a directory. */
export interface ListedFile extends FoundFile {
  readonly name: string;
  readonly kind: 'file' | 'directory';
  readonly isLink: boolean;
}

/** The file system that the paths of a manifest are about. */
export interface FileAccess {
  /** What `path`, as written in the manifest, leads to. Throws if a directory on the way is missing or a link loops. */
  find(path: string): Promise<FoundFile>;
  /** Files and directories in a directory, in order of their names; what Gramine does not list is left out. */
  list(directory: FoundFile): Promise<readonly ListedFile[]>;
  /** SHA-256 of a file's content in 64 hex digits, read in pieces. */
  hash(file: FoundFile): Promise<string>;
}

/** The host's own files, relative paths counting from `workingDirectory` (absolute). Paths are used as they are written. */
export function hostFiles(workingDirectory: string): FileAccess {
  return {
    find: async (path) => {
      const hostPath = path.startsWith('/') ? path : `${workingDirectory}/${path}`;
      return { kind: await kindOf(hostPath), hostPath, listedAs: pathlibForm(path) };
    },
    list: listDirectory,
    hash: hashFile,
  };
}

/**
 * A path as Python's pathlib writes it: no empty or `.` components, no trailing slash, `..` kept, exactly two leading
 * slashes kept as two. The current directory is `.`.
 */
export function pathlibForm(path: string): string {
  const leading = /^\/*/.exec(path)?.[0].length ?? 0;
  const root = leading === 2 ? '//' : leading > 0 ? '/' : '';
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return `${root}${parts.join('/')}` || '.';
}

/** `directory` (in pathlib's form) and one name below it. */
export function joinListed(directory: string, name: string): string {
  if (directory === '.') return name;
  return directory.endsWith('/') ? `${directory}${name}` : `${directory}/${name}`;
}

/** What a host path leads to, links followed by the host. */
export async function kindOf(hostPath: string): Promise<FoundFile['kind']> {
  try {
    const status = await stat(hostPath);
    if (status.isFile()) return 'file';
    return status.isDirectory() ? 'directory' : 'other';
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return 'missing';
    throw readError(hostPath, 'trusted file', error);
  }
}

/**
 * The children that Gramine's tools list: regular files and links to them, and directories, all readable for this
 * user. Links to directories, dangling links, sockets, fifos and devices are not listed.
 */
export async function listDirectory(directory: FoundFile): Promise<readonly ListedFile[]> {
  const names = await readNames(directory.hostPath);
  const children = await mapInBatches(names, (name) => listChild(directory, name));
  return children.filter((child) => child !== undefined);
}

async function readNames(hostPath: string): Promise<readonly string[]> {
  try {
    const names = await readdir(hostPath, { encoding: 'buffer' });
    // The order of UTF-8 bytes is that of code points, in which Python sorts.
    return names.sort(Buffer.compare).map((name) => decodeName(name, hostPath));
  } catch (error) {
    throw readError(hostPath, 'directory', error);
  }
}

function decodeName(name: Buffer, directory: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
  } catch (cause) {
    throw new GscError({
      code: 'manifest',
      subject: `${directory}/${name.toString('utf8')}`,
      message: 'expected a name in UTF-8, got other bytes, which a manifest cannot hold',
      hint: 'rename the file, or list its neighbours one by one',
      cause,
    });
  }
}

async function listChild(directory: FoundFile, name: string): Promise<ListedFile | undefined> {
  const hostPath = `${directory.hostPath}/${name}`;
  const kind = await kindOf(hostPath);
  if (kind === 'other' || kind === 'missing') return undefined;
  const isLink = await isSymbolicLink(hostPath);
  if (isLink === undefined || (isLink && kind === 'directory')) return undefined;
  if (!(await isReadable(hostPath))) return undefined;
  return { name, kind, isLink, hostPath, listedAs: joinListed(directory.listedAs, name) };
}

/** Undefined for a file that was removed since its directory was read. */
async function isSymbolicLink(hostPath: string): Promise<boolean | undefined> {
  try {
    return (await lstat(hostPath)).isSymbolicLink();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw readError(hostPath, 'trusted file', error);
  }
}

async function isReadable(hostPath: string): Promise<boolean> {
  try {
    await access(hostPath, constants.R_OK);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EACCES' || code === 'ENOENT') return false;
    throw readError(hostPath, 'trusted file', error);
  }
}

const hashPieceBytes = 256 * 1024;

/** SHA-256 of a host file, read in pieces of 256 KiB. */
export async function hashFile(file: FoundFile): Promise<string> {
  try {
    const handle = await open(file.hostPath, 'r');
    try {
      const hash = createHash('sha256');
      const piece = Buffer.allocUnsafe(hashPieceBytes);
      for (;;) {
        const { bytesRead } = await handle.read(piece, 0, piece.length);
        if (bytesRead === 0) return hash.digest('hex');
        hash.update(piece.subarray(0, bytesRead));
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw readError(file.hostPath, 'trusted file', error);
  }
}
