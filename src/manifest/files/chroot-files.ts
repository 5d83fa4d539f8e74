import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GscError, systemErrorCode } from '../../base/error.ts';
import { readError } from '../../base/read-file.ts';
import { type FileAccess, type FoundFile, hashFile, kindOf, listDirectory } from './file-access.ts';

/** As many links in one path as Linux follows (MAXSYMLINKS). */
const mostLinks = 40;

/**
 * The files below `directory` (absolute) as a system that has it as its root would see them: absolute links lead
 * into it, `..` stops at it. Paths must be absolute. Children of a listed directory are named by the directory's
 * resolved path.
 *
 * One rule is that of gramine-sgx-sign and no consequence of the above: whether a child of a listed directory is a
 * file is judged with the links followed by the **host**. So an absolute link whose target the host does not have is
 * left out of a listing, though it is found when it is listed by itself.
 */
export function chrootFiles(directory: string): FileAccess {
  const resolved = new Map<string, Promise<string>>();
  const find = async (path: string): Promise<FoundFile> => {
    if (!path.startsWith('/')) throw relativePath(path);
    const inside = await resolvePath(path, { directory, resolved });
    const hostPath = join(directory, inside);
    return { kind: await kindOf(hostPath), hostPath, listedAs: inside };
  };
  return { find, list: listDirectory, hash: hashFile };
}

interface Chroot {
  readonly directory: string;
  /** What directories resolve to, so that many files in one directory cost one walk. */
  readonly resolved: Map<string, Promise<string>>;
}

/** The path inside the chroot without links; the last component may be missing, the ones before it must be directories. */
async function resolvePath(path: string, chroot: Chroot): Promise<string> {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const last = parts.pop();
  if (last === undefined) return '/';
  const parentPath = `/${parts.join('/')}`;
  const known = chroot.resolved.get(parentPath);
  const parent = known ?? walk(parts, '/', { chroot, path, links: 0 });
  chroot.resolved.set(parentPath, parent);
  return walk([last], await parent, { chroot, path, links: 0 });
}

interface Walk {
  readonly chroot: Chroot;
  /** The whole path, for messages. */
  readonly path: string;
  links: number;
}

async function walk(parts: readonly string[], from: string, state: Walk): Promise<string> {
  const ahead = [...parts].reverse();
  let at = from;
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    if (part === '' || part === '.') continue;
    await requireDirectory(at, state);
    if (part === '..') {
      at = at.slice(0, at.lastIndexOf('/')) || '/';
      continue;
    }
    const next = at === '/' ? `/${part}` : `${at}/${part}`;
    const target = await readLink(join(state.chroot.directory, next));
    if (target === undefined) {
      at = next;
      continue;
    }
    if (++state.links > mostLinks) throw linkLoop(state.path);
    if (target.startsWith('/')) at = '/';
    ahead.push(...target.split('/').reverse());
  }
  return at;
}

async function requireDirectory(inside: string, state: Walk): Promise<void> {
  if (inside === '/') return;
  const hostPath = join(state.chroot.directory, inside);
  const isDirectory = await lstat(hostPath).then(
    (status) => status.isDirectory(),
    (error: unknown) => {
      if (systemErrorCode(error) === 'ENOENT') return false;
      throw readError(hostPath, 'directory', error);
    },
  );
  if (isDirectory) return;
  throw new GscError({
    code: 'not-found',
    subject: `file:${state.path}`,
    message: `expected a directory at ${inside} in ${state.chroot.directory}, got none`,
    hint: 'a trusted file needs its directories, even with its sha256 given',
  });
}

/** The target of a link; undefined for everything else, missing included. */
async function readLink(hostPath: string): Promise<string | undefined> {
  try {
    return await readlink(hostPath);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EINVAL' || code === 'ENOENT') return undefined;
    throw readError(hostPath, 'link', error);
  }
}

function relativePath(path: string): GscError {
  return new GscError({
    code: 'manifest',
    subject: `file:${path}`,
    message: 'expected an absolute path, since the files are looked up in another root, got a relative one',
    hint: `write file:/${path}`,
  });
}

function linkLoop(path: string): GscError {
  return new GscError({
    code: 'unreadable',
    subject: `file:${path}`,
    message: `expected at most ${mostLinks} symbolic links on the way, got more: they form a loop`,
  });
}
