import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { directoryStatus } from '../../src/scan/directory-status.ts';

/** Where tests may be: the file system of a container is not believed. */
const isBelieved = (path: string) => [0xef53, 0x58465342, 0x9123683e].includes(statfsSync(path).type);
const place = [tmpdir(), '/var/tmp', process.cwd()].find(isBelieved);
const root = mkdtempSync(join(place ?? tmpdir(), 'gsc-status-'));
const directory = join(root, 'tree');
const file = join(directory, 'd', 'file');
/** When all that a test does is long past. */
const later = new Date(Date.now() + 3_600_000);

beforeEach(() => {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, 'd'), { recursive: true });
  writeFileSync(file, 'content');
  symlinkSync('file', join(directory, 'd', 'link'));
});
afterAll(() => rmSync(root, { recursive: true }));

/** As long as nothing has happened. */
async function known(path = directory): Promise<string> {
  const status = await directoryStatus(path, later);
  if (status === undefined) throw new Error(`${path} is on a file system that is not believed`);
  return status;
}

test.runIf(place === undefined)('nothing is known on file systems that are not believed', async () => {
  expect(await directoryStatus(directory, later)).toBeUndefined();
});

test.runIf(existsSync('/dev/shm'))(
  'nothing is known on tmpfs: a mapping may change what is in it unseen',
  async () => {
    const there = mkdtempSync('/dev/shm/gsc-status-');
    try {
      expect(await directoryStatus(there, later)).toBeUndefined();
    } finally {
      rmSync(there, { recursive: true });
    }
  },
);

describe.skipIf(place === undefined)('the status of a directory', () => {
  test('stays the same while nothing changes', async () => {
    expect(await known()).toBe(await known());
    expect(await known(file)).toBe(await known(file));
  });

  test.each<readonly [string, () => void]>([
    ['a content of the same length and time', () => rewrite('CONTENT')],
    ['a longer content', () => writeFileSync(file, 'content and more')],
    ['a mode', () => chmodSync(file, 0o600)],
    ['a name', () => renameSync(file, `${file}2`)],
    ['a new file', () => writeFileSync(`${file}2`, '')],
    ['a file less', () => unlinkSync(file)],
    ['another name of a file', () => linkSync(file, join(directory, 'other'))],
    ['a file replaced by one that looks alike', () => replace()],
    ['a link that leads elsewhere', () => relink()],
    ['a directory of the same name', () => swapDirectory()],
  ])('changes with %s', async (_, change) => {
    const before = await known();
    change();
    expect(await known()).not.toBe(before);
  });

  test('is not known just after a change, however deep', async () => {
    const changed = new Date(statSync(file).ctimeMs + 500);
    expect(await directoryStatus(directory, changed)).toBeUndefined();
    expect(await directoryStatus(file, changed)).toBeUndefined();
    expect(await directoryStatus(directory, new Date(0))).toBeUndefined();
  });

  test('is not known of what is not there, and of what the kernel makes up', async () => {
    expect(await directoryStatus(join(directory, 'gone'), later)).toBeUndefined();
    expect(await directoryStatus('/proc/self', later)).toBeUndefined();
    expect(await directoryStatus('/sys/kernel', later)).toBeUndefined();
  });
});

function rewrite(content: string): void {
  const { atime, mtime } = statSync(file);
  writeFileSync(file, content);
  utimesSync(file, atime, mtime);
}

function replace(): void {
  const { atime, mtime } = statSync(file);
  writeFileSync(`${file}2`, 'CONTENT');
  utimesSync(`${file}2`, atime, mtime);
  renameSync(`${file}2`, file);
}

function relink(): void {
  unlinkSync(join(directory, 'd', 'link'));
  symlinkSync('FILE', join(directory, 'd', 'link'));
}

function swapDirectory(): void {
  renameSync(join(directory, 'd'), join(root, 'old'));
  mkdirSync(join(directory, 'd'));
  rmSync(join(root, 'old'), { recursive: true });
}
