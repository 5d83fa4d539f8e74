import type { Stats } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, digestOfHex, hexOf } from '../../base/digest.ts';
import { GscError, systemErrorCode } from '../../base/error.ts';
import { ignoring } from '../local/temporary-file.ts';
import { type CacheKey, cacheLayoutVersion } from './cache-file.ts';

/** One file of the cache, of any version of its layout. */
export interface CacheEntry {
  readonly path: string;
  /** The version of the layout: `v1`. */
  readonly layout: string;
  readonly kind: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly lastUsed: Date;
}

/**
 * `$XDG_CACHE_HOME/gsc`, else `~/.cache/gsc` (XDG Base Directory Specification: a relative path does not count); undefined if neither is
 * set.
 */
export function findCacheDirectory(
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const { XDG_CACHE_HOME: cacheHome, HOME: home } = environment;
  if (cacheHome?.startsWith('/')) return join(cacheHome, 'gsc');
  return home?.startsWith('/') ? join(home, '.cache', 'gsc') : undefined;
}

/** The directory of all entries of a kind. */
export function directoryOfKind(root: string, kind: string): string {
  return join(root, cacheLayoutVersion, kind);
}

export function pathOfEntry(root: string, { kind, digest }: CacheKey): string {
  return join(directoryOfKind(root, kind), hexOf(digest));
}

/** Makes the cache's directory, for this user alone, and checks who may write to it. Throws a `cache` error. */
export async function prepareCacheDirectory(root: string): Promise<void> {
  try {
    await makeDirectory(root);
  } catch (error) {
    throw cacheError(root, 'cannot be made', error);
  }
  await checkCacheDirectory(root);
}

/**
 * Makes a directory and what is missing above it, for this user alone. Node's own `recursive` never ends below a
 * directory that answers ENOENT to every new name, such as /proc.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path, { mode: 0o700 }).catch(ignoring('EEXIST'));
  }
}

/**
 * What is in the cache ends in measurements, so no one else may be able to put anything there. Throws a `cache` error
 * for a directory of another user or one that others may write to.
 */
export async function checkCacheDirectory(root: string): Promise<void> {
  const status = await stat(root).catch((error: unknown) => {
    throw cacheError(root, 'cannot be read', error);
  });
  if (status.isDirectory() && isOursAlone(status)) return;
  throw new GscError({
    code: 'cache',
    subject: root,
    message: status.isDirectory()
      ? 'the directory belongs to another user, or others may write to it'
      : 'this is not a directory',
    hint: 'make it a directory that only you own, with mode 0700, or use --no-cache',
  });
}

/** True if no other user (but root) can have written it. Systems without user ids do not tell. */
export function isOursAlone({ uid, mode }: Stats): boolean {
  const own = process.getuid?.();
  return own === undefined || (uid === own && (mode & 0o022) === 0);
}

/** All entries of all versions of the layout, the longest unused first. Other files are left out. */
export async function listEntries(root: string): Promise<readonly CacheEntry[]> {
  const entries: CacheEntry[] = [];
  for (const { layout, kind, path } of await kindDirectories(root)) {
    const names = (await namesIn(path, 'file')).filter((name) => /^[0-9a-f]{64}$/.test(name));
    for (const name of names) {
      const file = join(path, name);
      const status = await stat(file).catch(ignoring('ENOENT'));
      if (status === undefined) continue;
      const { size: sizeBytes, mtime: lastUsed } = status;
      entries.push({ path: file, layout, kind, digest: digestOfHex(name), sizeBytes, lastUsed });
    }
  }
  return entries.sort(
    (a, b) => a.lastUsed.getTime() - b.lastUsed.getTime() || (a.path < b.path ? -1 : Number(a.path > b.path)),
  );
}

/** As {@link listEntries}; throws a `cache` error if the system refuses. */
export async function listCache(root: string): Promise<readonly CacheEntry[]> {
  try {
    return await listEntries(root);
  } catch (error) {
    throw cacheError(root, 'cannot be listed', error);
  }
}

/** The directories that hold entries, of all versions of the layout. */
export async function kindDirectories(
  root: string,
): Promise<readonly { readonly layout: string; readonly kind: string; readonly path: string }[]> {
  const found = [];
  const layouts = (await namesIn(root, 'directory')).filter((name) => /^v\d+$/.test(name));
  for (const layout of layouts) {
    for (const kind of await namesIn(join(root, layout), 'directory')) {
      found.push({ layout, kind, path: join(root, layout, kind) });
    }
  }
  return found;
}

export function cacheError(subject: string, what: string, cause: unknown): GscError {
  const system = systemErrorCode(cause);
  return new GscError({
    code: 'cache',
    subject,
    message: system === undefined ? what : `${what} (${system})`,
    hint: 'make the directory writable, point XDG_CACHE_HOME elsewhere, or use --no-cache',
    cause,
  });
}

async function namesIn(directory: string, what: 'file' | 'directory'): Promise<readonly string[]> {
  const found = await readdir(directory, { withFileTypes: true }).catch(ignoring('ENOENT'));
  const wanted = (found ?? []).filter((entry) => (what === 'file' ? entry.isFile() : entry.isDirectory()));
  return wanted.map((entry) => entry.name).sort();
}
