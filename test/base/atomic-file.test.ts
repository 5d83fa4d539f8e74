import { mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { writeFileAtomically } from '../../src/base/atomic-file.ts';

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

test('a directory that is not there is an error that names the file', async () => {
  await expect(
    writeFileAtomically(join(directory, 'no', 'out'), 'x', { existing: 'replace' }),
  ).rejects.toMatchObject({ code: 'unwritable', subject: join(directory, 'no', 'out') });
});
