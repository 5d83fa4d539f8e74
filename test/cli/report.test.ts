import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { testKey } from '../support/signature/test-key.ts';

let gsc: GscHere;
const at = (...path: readonly string[]) => join(gsc.directory, ...path);
const read = (name: string) => readFileSync(at(name), 'utf8');

beforeAll(async () => {
  gsc = gscInProcess();
  writeRuntime(at('runtime'));
  copyFileSync(await testKey(), at('key.pem'));
  const entries = [
    ['srv/a', 'content'],
    ['var/log/x', 'left out'],
  ] as const;
  await writeApp(at('app'), { run: { Cmd: ['/app'], Env: ['MODE=careful'] }, entries });
  const build = ['build', '--runtime', 'runtime'];
  const signed = await gsc([...build, '--key', 'key.pem', '-o', 'oci:signed:1', 'oci:app']);
  const unsigned = await gsc([...build, '-o', 'oci:unsigned:1', 'oci:app']);
  expect([signed.code, unsigned.code], signed.stderr + unsigned.stderr).toEqual([0, 0]);
});

describe('gsc report', () => {
  test('writes one page, whose name is the result', async () => {
    const { code, stdout } = await gsc(['report', 'oci:signed:1', '-o', 'page.html']);
    expect([code, stdout]).toEqual([0, 'page.html\n']);
    expect(read('page.html')).toMatch(/^<!DOCTYPE html>\n.*<\/html>\n$/s);
    expect(read('page.html')).toContain('<h1><code>oci:signed:1</code></h1>');
  });

  test('prints it without -o, and with -o -', async () => {
    await gsc(['report', 'oci:signed:1', '-o', 'page.html']);
    for (const more of [[], ['-o', '-']]) {
      const { code, stdout } = await gsc(['report', 'oci:signed:1', ...more]);
      expect([code, stdout]).toEqual([0, read('page.html')]);
    }
    expect(existsSync(at('-'))).toBe(false);
  });

  test('is the same whenever it is made', async () => {
    await gsc(['report', 'oci:signed:1', '-o', 'one.html']);
    const later = await gsc(['report', 'oci:signed:1'], { env: { TZ: 'Asia/Tokyo', LANG: 'tr_TR.UTF-8' } });
    expect(later.stdout).toBe(read('one.html'));
  });

  test('replaces a page that is there, through a link too, and leaves nothing else', async () => {
    mkdirSync(at('pages'));
    writeFileSync(at('pages/real.html'), 'old');
    symlinkSync('real.html', at('pages/link.html'));
    expect(await gsc(['report', 'oci:signed:1', '-o', 'pages/link.html'])).toMatchObject({ code: 0 });
    expect(read('pages/real.html')).toContain('oci:signed:1');
    expect(lstatSync(at('pages/link.html')).isSymbolicLink()).toBe(true);
    expect(readdirSync(at('pages')).sort()).toEqual(['link.html', 'real.html']);
  });

  test('has the checks of gsc verify-image, with the same options', async () => {
    const { stdout } = await gsc(['verify-image', '--json', '--base', 'oci:app', 'oci:signed:1']);
    const { checks } = JSON.parse(stdout) as { checks: readonly { name: string; result: string }[] };
    const page = (await gsc(['report', '--base', 'oci:app', 'oci:signed:1'])).stdout;
    const shown = [
      ...page.matchAll(/<td class="result result-([a-z-]+)">[^<]*<\/td><th scope="row">([a-z-]+)</g),
    ];
    const listed = (results: readonly (readonly [string, string])[]) =>
      results.filter(([name]) => name !== 'policy-age').sort();
    expect(listed(shown.map(([, result = '', name = '']) => [name, result]))).toEqual(
      listed(checks.map(({ name, result }) => [name, result])),
    );
    expect(shown.find(([, , name]) => name === 'rebuild')?.[1]).toBe('ok');
  });

  test('says on standard error which checks failed, and writes the page all the same', async () => {
    const other = ['--mrsigner', 'ab'.repeat(32)];
    const { code, stderr } = await gsc(['report', ...other, 'oci:signed:1', '-o', 'failed.html']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('signer failed: MRSIGNER')]);
    expect(read('failed.html')).toContain('Not verified: ');
  });

  test('of an unsigned image says so', async () => {
    const { code, stdout } = await gsc(['report', 'oci:unsigned:1']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Not signed: ')]);
    expect(stdout).toContain('gsc sign-image');
  });

  test('with --json says what was written, and has the page where no file has it', async () => {
    const written = await gsc(['report', '--json', 'oci:signed:1', '-o', 'json.html']);
    expect(JSON.parse(written.stdout)).toEqual({
      report: 'json.html',
      image: 'oci:signed:1',
      signed: true,
      mr_enclave: expect.stringMatching(/^[0-9a-f]{64}$/),
      verified: true,
      checks: { ok: expect.any(Number), failed: 0, not_checked: expect.any(Number) },
    });
    const printed = JSON.parse((await gsc(['report', '--json', 'oci:signed:1'])).stdout);
    expect(printed).toMatchObject({ report: null, page: read('json.html') });
  });
});

describe('gsc report refuses', () => {
  const refused = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await gsc(['report', ...args]);
    expect([code, stdout]).toEqual([expect.any(Number), '']);
    expect(code).not.toBe(0);
    return stderr;
  };

  test('an app image, and leaves an older page as it is', async () => {
    writeFileSync(at('kept.html'), 'older');
    expect(await refused('oci:app', '-o', 'kept.html')).toMatch(/expected a graminized image/);
    expect(read('kept.html')).toBe('older');
  });

  test('an image that is damaged, naming the blob, and writes nothing', async () => {
    await gsc(['build', '--runtime', 'runtime', '-o', 'oci:damaged:1', 'oci:app']);
    const blobs = at('damaged/blobs/sha256');
    const sizeOf = (name: string) => lstatSync(join(blobs, name)).size;
    const [largest = ''] = readdirSync(blobs).sort((a, b) => sizeOf(b) - sizeOf(a));
    const bytes = readFileSync(join(blobs, largest));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(join(blobs, largest), bytes);
    expect(await refused('oci:damaged:1', '-o', 'damaged.html')).toContain(largest.slice(0, 12));
    expect(existsSync(at('damaged.html'))).toBe(false);
  });

  test.each([
    ['nowhere/page.html', /nowhere\/page\.html: cannot be written: the parent directory does not exist/],
    ['app', /app: cannot be written: a directory has this name/],
    ['key.pem/page.html', /a file is where a directory is needed/],
  ])('to write to %s, before it reads anything', async (file, message) => {
    expect(await refused('oci:not-there', '-o', file)).toMatch(message);
  });

  test('to replace a device', async () => {
    expect(await refused('oci:signed:1', '-o', '/dev/null')).toMatch(/got a device or pipe/);
  });

  test('what verify-image refuses: two signers, a manifest without --base', async () => {
    const two = ['--key', 'key.pem', '--mrsigner', 'ab'.repeat(32)];
    expect(await refused(...two, 'oci:signed:1')).toMatch(/gsc report: both --key and --mrsigner/);
    expect(await refused('--manifest', 'x', 'oci:signed:1')).toMatch(/there is no --base/);
  });
});

describe('gsc build --report', () => {
  const build = (...args: readonly string[]) => gsc(['build', '--runtime', 'runtime', ...args, 'oci:app']);

  test.each([
    ['unsigned', []],
    ['signed', ['--key', 'key.pem']],
  ])('writes the page that gsc report writes of the %s result', async (what, more) => {
    const name = `oci:built-${what}:1`;
    const result = await build('-o', name, ...more, '--report', `${what}.html`);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^oci:built-/) });
    const { stdout } = await gsc(['report', name]);
    expect(read(`${what}.html`)).toBe(stdout);
  });

  test('writes the same page of a build that is known, and of one that changes nothing', async () => {
    await build('-o', 'oci:again:1', '--report', 'first.html');
    await build('-o', 'oci:again:1', '--report', 'second.html');
    expect(read('second.html')).toBe(read('first.html'));
  });

  test('with --json names the page', async () => {
    const { stdout } = await build('-o', 'oci:named:1', '--report', 'named.html', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ image: 'oci:named:1', report: 'named.html' });
  });

  test.each([
    ['nowhere/page.html', /nowhere\/page\.html: cannot be written: the parent directory does not exist/],
    ['app', /a directory has this name/],
    ['/dev/null', /got a device or pipe/],
    ['-', /standard output has the name of the result/],
  ])('to %s builds nothing', async (file, message) => {
    const { code, stderr } = await build('-o', 'oci:never:1', '--report', file);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(message);
    expect(existsSync(at('never'))).toBe(false);
  });
});
