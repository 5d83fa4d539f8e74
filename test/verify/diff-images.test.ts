import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { directoryGroups } from '../../src/verify/file-groups.ts';
import { diffLines } from '../../src/verify/text-diff.ts';
import { gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { testKey } from '../support/signature/test-key.ts';

const gsc = gscInProcess();
const at = (name: string) => join(gsc.directory, name);

beforeAll(async () => {
  writeRuntime(at('runtime'));
  writeRuntime(at('older'), '1.8');
  copyFileSync(await testKey(), at('key.pem'));
  const many = Array.from({ length: 20 }, (_, index) => [`opt/many/f${index}`, `${index}`] as const);
  await writeApp(at('one'), {
    run: { Cmd: ['/app'], Env: ['A=1'] },
    entries: [['srv/a', 'a'], ['srv/b', 'b'], ...many],
  });
  await writeApp(at('two'), {
    run: { Cmd: ['/app'], Env: ['A=2'], User: '7' },
    entries: [
      ['srv/a', 'other'],
      ['srv/c', 'c'],
      ['srv/link', { link: 'c' }],
    ],
  });
  writeFileSync(at('user.manifest'), 'sgx.isvsvn = 4\n');
  const build = ['build', '--key', 'key.pem'];
  const results = [
    await gsc([...build, '--runtime', 'runtime', '-o', 'oci:a', 'oci:one']),
    await gsc([...build, '--runtime', 'older', '-o', 'oci:b', 'oci:two', 'user.manifest']),
    await gsc(['build', '--runtime', 'runtime', '-o', 'oci:u', 'oci:one']),
  ];
  expect(results.map(({ code, stderr }) => [code, stderr.slice(0, 0)])).toEqual(results.map(() => [0, '']));
});

describe('gsc diff', () => {
  test('of an image with itself says that nothing differs', async () => {
    expect(await gsc(['diff', 'oci:a', 'oci:a'])).toMatchObject({ code: 0, stdout: 'nothing differs\n' });
  });

  test('names what changed in each part, files by directory', async () => {
    const { code, stdout } = await gsc(['diff', 'oci:a', 'oci:b']);
    expect(code).toBe(0);
    for (const line of [
      /^ {2}~ ISVSVN: 0 -> 4$/m,
      /^ {2}~ gsc\.runtime\.version: 1\.9 -> 1\.8$/m,
      /^ {2}~ sgx\.isvsvn: 0 -> 4$/m,
      /^ {2}~ loader\.uid: 0 -> 7$/m,
      /^ {2}~ A: "1" -> "2"$/m,
      /^ {2}\+ User: "7"$/m,
      /^ {2}~ \/srv\/a: [0-9a-f]{12}… -> [0-9a-f]{12}… \(layer 1 of 4/m,
      /^ {2}- \/srv\/b: /m,
      /^ {2}\+ \/srv\/link: link to c /m,
      /^ {2}\/opt\/many\/: 20 removed$/m,
    ])
      expect(stdout).toMatch(line);
  });

  test('with -v names every file; as JSON has each change with its values', async () => {
    expect((await gsc(['diff', '-v', 'oci:a', 'oci:b'])).stdout).toContain('/opt/many/f19');
    const { files, keys } = JSON.parse((await gsc(['diff', '--json', 'oci:a', 'oci:b'])).stdout);
    expect(files).toContainEqual({
      kind: 'removed',
      subject: '/srv/b',
      before: expect.stringMatching(/^[0-9a-f]{64}$/),
      layer: expect.stringMatching(/^layer 1 of 4/),
    });
    expect(keys).toContainEqual({ kind: 'changed', subject: 'sgx.isvsvn', before: '0', after: '4' });
  });

  test('of an unsigned image with its signed one differs in the signature only', async () => {
    const { stdout } = await gsc(['diff', '--json', 'oci:u', 'oci:a']);
    const { a: _, b: __, signature, ...others } = JSON.parse(stdout);
    expect(signature.length).toBeGreaterThan(1);
    expect(Object.values(others).flat()).toEqual([]);
  });

  test('of an app image is an error', async () => {
    expect(await gsc(['diff', 'oci:a', 'oci:one'])).toMatchObject({ code: 1, stdout: '' });
  });
});

test('changes are grouped by the deepest directories of which there are few enough', () => {
  const change = (subject: string) => ({ kind: 'added', subject }) as const;
  const changes = ['/a/b/c/1', '/a/b/d/2', '/a/e/3', '/f'].map(change);
  const names = (most: number) => directoryGroups(changes, most).map(({ directory }) => directory);
  expect(names(10)).toEqual(['/', '/a/b/c', '/a/b/d', '/a/e']);
  expect(names(3)).toEqual(['/', '/a/b', '/a/e']);
  expect(names(1)).toEqual(['/', '/a']);
});

test('a diff of texts shows what is only in one of them, with a line around', () => {
  expect(diffLines('a\nb\nc\nd', 'a\nb\nx\nd')).toEqual([' b', '-c', '+x', ' d']);
  expect(diffLines('a\nb', 'a\nb')).toEqual([]);
  expect(diffLines('', 'a')).toEqual(['-', '+a']);
  expect(diffLines('a\nc\ne', 'b\nc\nf')).toEqual(['-a', '+b', ' c', '-e', '+f']);
});
