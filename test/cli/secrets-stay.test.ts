import { createPrivateKey } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { bundledGsc, type Gsc, gscInScratch, runProcess } from '../support/cli/gsc.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { type SoftTokens, skipWithoutTokens, softTokens, testPin } from '../support/key/soft-token.ts';
import { openssl } from '../support/signature/keys.ts';
import { testKey } from '../support/signature/test-key.ts';
import { hasTool } from '../support/tool.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** All calls by which bytes leave a process: to files, to other processes, to a network; and what programs are started with. */
const calls =
  'write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg,execve,execveat,memfd_create,sendfile,vmsplice';
const passphrase = 'correct horse battery';

describe.skipIf(skipWithoutTokens() || !hasTool('strace'))('strace of a whole signing', () => {
  let gsc: Gsc;
  let tokens: SoftTokens;
  let bundle = '';
  let pem = '';
  const signer = resolve('docs/signers/openssl.sh');

  beforeAll(async () => {
    gsc = await gscInScratch();
    bundle = await bundledGsc();
    tokens = softTokens(gsc.directory);
    tokens.init('demo');
    pem = readFileSync(await testKey(), 'utf8');
    tokens.importKey('demo', { pem: Buffer.from(pem), label: 'enclave', id: '01' });
    const put = (name: string, content: string | Buffer) =>
      writeFileSync(join(gsc.directory, name), content, { mode: 0o600 });
    put('key.pem', pem);
    put('pin', testPin);
    put('pass', passphrase);
    const encrypt = ['pkcs8', '-topk8', '-v2', 'aes-256-cbc', '-passout', `pass:${passphrase}`];
    put('enc.pem', openssl([...encrypt, '-in', 'in', '-out', 'out'], { in: pem }));
    writeRuntime(join(gsc.directory, 'runtime'));
    await writeApp(join(gsc.directory, 'app'));
    await gsc(['build', '--runtime', 'runtime', 'oci:app:latest', '-o', 'oci:un:1']);
  });

  /** The bytes that left while a signing ran; a text of escapes as strace writes it with -xx, as bytes. */
  async function bytesLeft(key: string, ...more: readonly string[]): Promise<Buffer> {
    const trace = join(gsc.directory, 'trace');
    rmSync(join(gsc.directory, 'signed'), { recursive: true, force: true });
    const strace = ['strace', '-f', '-xx', '-s', '10000000', '-e', `trace=${calls}`, '-o', trace];
    const sign = [
      process.execPath,
      bundle,
      'sign-image',
      'oci:un:1',
      key,
      '-o',
      'oci:signed:1',
      '--force',
      '-v',
    ];
    const env = { PATH: process.env.PATH ?? '', HOME: gsc.directory, SECRET: passphrase, ...tokens.env };
    const result = await runProcess([...strace, ...sign, ...more], { cwd: gsc.directory, env });
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toMatch(/^oci:signed:1@sha256:/);
    const strings = readFileSync(trace, 'latin1').matchAll(/"((?:\\x[0-9a-f]{2})*)"/g);
    const left = Buffer.concat(
      [...strings].map(([, text = '']) => Buffer.from(text.replaceAll('\\x', ''), 'hex')),
    );
    // What was written of the image is there: the trace saw what leaves.
    expect(left.includes('gramine/app_files/entrypoint.sig')).toBe(true);
    return left;
  }

  function leaksIn(left: Buffer): string[] {
    return [...secrets(pem)].filter(([, secret]) => left.includes(secret)).map(([name]) => name);
  }

  test.each<[string, () => readonly string[]]>([
    ['with a PEM file', () => ['key.pem']],
    ['with an encrypted one and a passphrase file', () => ['enc.pem', '--passphrase-file', 'pass']],
    ['with an encrypted one and a variable', () => ['enc.pem', '--passphrase-env', 'SECRET']],
    ['with a token', () => [`pkcs11:token=demo?module-path=${tokens.module}&pin-source=pin`]],
    [
      'with a token and --passphrase-file',
      () => [`pkcs11:token=demo?module-path=${tokens.module}`, '--passphrase-file', 'pin'],
    ],
    ['with a program', () => [`exec:${signer} key.pem`]],
  ])('%s shows no key byte, no passphrase and no PIN in any write or argument', async (_, args) => {
    const [key = '', ...more] = args();
    expect(leaksIn(await bytesLeft(key, ...more))).toEqual([]);
  });

  test('finds what does leave: the passphrase in the arguments of a program', async () => {
    const left = await bytesLeft(`exec:${signer} enc.pem -passin 'pass:${passphrase}'`);
    expect(leaksIn(left)).toEqual(['the passphrase']);
  });
});

/** Pieces of what is secret, in the forms in which it might be written. */
function secrets(pem: string): ReadonlyMap<string, Buffer | string> {
  const jwk = createPrivateKey(pem).export({ format: 'jwk' });
  const found = new Map<string, Buffer | string>([
    ['the passphrase', passphrase],
    ['the PIN', testPin],
  ]);
  for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const) {
    const bytes = Buffer.from(jwk[name] ?? '', 'base64url');
    for (const start of [8, 64, 128]) {
      const piece = bytes.subarray(start, start + 16);
      found.set(`${name} at ${start}`, piece);
      found.set(`${name} at ${start}, little-endian`, Buffer.from(piece).reverse());
      found.set(`${name} at ${start}, in hex`, piece.toString('hex'));
    }
  }
  // The first lines hold the modulus, which is public.
  const lines = pem.split('\n').filter((line) => /^[A-Za-z0-9+/=]{64}$/.test(line));
  for (const [index, line] of lines.entries()) if (index > 9) found.set(`line ${index} of the file`, line);
  return found;
}
