import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** Where made images and runtimes are kept between runs: `GSC_TEST_CACHE`, else `out/images` in the repository. */
export function testCache(): string {
  return resolve(process.env.GSC_TEST_CACHE ?? join(repository, 'out', 'images'));
}

/** A short name for the contents of files and folders of the repository, tests left out: it changes when they do. */
export function fingerprintOf(paths: readonly string[], more: readonly string[] = []): string {
  const hash = createHash('sha256').update(JSON.stringify(more));
  for (const path of paths) addFile(hash, join(repository, path), path);
  return hash.digest('hex').slice(0, 12);
}

/**
 * The directory `NAME-KEY` below `cache`, made by `make` if it is not there. It appears whole or not at all; of several
 * processes that ask at once, one makes it and the others wait.
 */
export async function cachedDirectory(
  name: string,
  options: { readonly key: string; readonly cache?: string | undefined },
  make: (directory: string) => Promise<void>,
): Promise<string> {
  const cache = resolve(options.cache ?? testCache());
  const finished = join(cache, `${name}-${options.key}`);
  if (existsSync(finished)) return finished;
  await mkdir(cache, { recursive: true });
  const lock = `${finished}.lock`;
  await takeLock(lock);
  const unfinished = `${finished}.tmp`;
  try {
    if (existsSync(finished)) return finished;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    await make(unfinished);
    await rename(unfinished, finished);
    await removeOutdated(cache, name);
    return finished;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
    await rm(lock, { force: true });
  }
}

function addFile(hash: ReturnType<typeof createHash>, path: string, name: string): void {
  if (statSync(path).isDirectory()) {
    for (const child of readdirSync(path).sort()) addFile(hash, join(path, child), `${name}/${child}`);
  } else if (!path.endsWith('.test.ts')) hash.update(`${name}\0`).update(readFileSync(path));
}

/** What older recipes made goes after a day; until then another test run may still use it. */
async function removeOutdated(cache: string, name: string): Promise<void> {
  const dayBefore = Date.now() - 24 * 3600 * 1000;
  for (const entry of readdirSync(cache)) {
    const isSameThing = entry.startsWith(`${name}-`) && /^[0-9a-f]{12}$/.test(entry.slice(name.length + 1));
    const path = join(cache, entry);
    if (isSameThing && statSync(path).mtimeMs < dayBefore) await rm(path, { recursive: true, force: true });
  }
}

/** The lock is a file with the holder's process id; a lock whose holder is gone is broken. */
async function takeLock(lock: string): Promise<void> {
  for (;;) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true });
    else await sleep(200);
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
