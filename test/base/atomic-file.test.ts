import { execFileSync } from 'node:child_process';
import { lstat, mkdtemp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { checkReplaceable, replaceFiles, writeFileAtomically } from '../../src/base/atomic-file.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gsc-atomic-'));
});

test('a new file has its content and its mode, and nothing else is left', async () => {
  await writeFileAtomically(join(directory, 'key'), 'secret', { mode: 0o600, existing: 'refuse' });
  expect(await readFile(join(directory, 'key'), 'utf8')).toBe('secret');
  expect((await stat(join(directory, 'key'))).mode & 0o777).toBe(0o600);
  expect(await readdir(directory)).toEqual(['key']);
});

test('an existing file is refused and stays as it was', async () => {
  await writeFile(join(directory, 'key'), 'old');
  await expect(
    writeFileAtomically(join(directory, 'key'), 'new', { existing: 'refuse' }),
  ).rejects.toMatchObject({
    code: 'exists',
  });
  expect(await readFile(join(directory, 'key'), 'utf8')).toBe('old');
  expect(await readdir(directory)).toEqual(['key']);
});

test('an existing file is replaced when that is asked for', async () => {
  await writeFile(join(directory, 'out'), 'old');
  await writeFileAtomically(join(directory, 'out'), 'new', { existing: 'replace' });
  expect(await readFile(join(directory, 'out'), 'utf8')).toBe('new');
});

test('a link to a file stays, and its file is replaced', async () => {
  await writeFile(join(directory, 'out'), 'old');
  await symlink('out', join(directory, 'link'));
  await writeFileAtomically(join(directory, 'link'), 'new', { existing: 'replace' });
  expect(await readFile(join(directory, 'out'), 'utf8')).toBe('new');
  expect((await lstat(join(directory, 'link'))).isSymbolicLink()).toBe(true);
});

test('a device or a pipe is never replaced by a file', async () => {
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await symlink('/dev/null', join(directory, 'null'));
  for (const name of ['pipe', 'null']) {
    await expect(
      writeFileAtomically(join(directory, name), 'x', { existing: 'replace' }),
    ).rejects.toMatchObject({ code: 'unwritable', subject: join(directory, name) });
  }
  expect((await stat(pipe)).isFIFO()).toBe(true);
  expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  expect(await readdir(directory)).toEqual(['null', 'pipe']);
});

test('a directory that is not there is an error that names the file', async () => {
  await expect(
    writeFileAtomically(join(directory, 'no', 'out'), 'x', { existing: 'replace' }),
  ).rejects.toMatchObject({ code: 'unwritable', subject: join(directory, 'no', 'out') });
});

test('of files that belong together none is replaced if one cannot be written', async () => {
  const [out, gone] = [join(directory, 'out'), join(directory, 'no', 'out')];
  await writeFile(out, 'old');
  const files = [
    { path: out, bytes: 'new' },
    { path: gone, bytes: 'new' },
  ];
  await expect(replaceFiles(files)).rejects.toMatchObject({ code: 'unwritable', subject: gone });
  expect(await readFile(out, 'utf8')).toBe('old');
  expect(await readdir(directory)).toEqual(['out']);
});

test('what could not be replaced is known before anything is written', async () => {
  await writeFile(join(directory, 'file'), 'old');
  await expect(checkReplaceable(join(directory, 'file'))).resolves.toBeUndefined();
  await expect(checkReplaceable(join(directory, 'new'))).resolves.toBeUndefined();
  for (const path of [join(directory, 'no', 'out'), join(directory, 'file', 'out'), directory, '/dev/null'])
    await expect(checkReplaceable(path)).rejects.toMatchObject({ code: 'unwritable', subject: path });
  expect(await readdir(directory)).toEqual(['file']);
});
