import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { collateralFiles } from '../../src/collateral/collateral-files.ts';
import { makeRaTls } from '../support/attest/pki/ra-tls.ts';
import { makeCollateral, makeQuote, makeTestPki, testEnclave } from '../support/attest/pki/test-pki.ts';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import {
  compile,
  type DocsExample,
  docsExamples,
  libraryUser,
  programOf,
} from '../support/library/docs-examples.ts';
import { longTest } from '../support/long-test.ts';
import { testKey } from '../support/signature/test-key.ts';

const examples = docsExamples();
const libpal = 'runtime/usr/lib/x86_64-linux-gnu/gramine/sgx/libpal.so';
let gsc: GscHere;
let user = '';
let key = '';
let compilerOutput = '';

beforeAll(async () => {
  gsc = gscInProcess();
  user = libraryUser();
  key = await testKey();
  compilerOutput = compile(user, examples);
  writeRuntime(join(gsc.directory, 'runtime'));
  await writeApp(join(gsc.directory, 'app'), { run: { Cmd: ['/app', 'x'] } });
}, 120_000);

afterAll(() => {
  if (user !== '') rmSync(user, { recursive: true, force: true });
});

describe('programs in the documents', () => {
  longTest('compile against the types that are published', () => {
    expect(compilerOutput).toBe('');
  });

  test('are all run below', () => {
    expect(examples.map(({ file, number }) => `${file} ${number}`)).toEqual([
      'docs/attesting.md 1',
      'docs/attesting.md 2',
      'docs/library.md 1',
      'docs/library.md 2',
      'docs/library.md 3',
    ]);
  });

  test('the first one takes twenty lines to build, sign and store what the command line makes', async () => {
    const lines = exampleOf('docs/library.md', 1)
      .text.split('\n')
      .filter((line) => line !== '');
    expect(lines.length).toBeLessThanOrEqual(20);
    const [mrEnclave, digest] = (await library(1, ['oci:app:latest', 'runtime', key, 'oci:made:1']))
      .trim()
      .split(' ');
    const options = ['--runtime', 'runtime', '--key', key];
    const built = await gsc(['build', ...options, '-o', 'oci:cli:1', 'oci:app:latest']);
    expect(built.stdout, built.stderr).toBe(`oci:cli:1@${digest}\n`);
    expect(built.stderr).toContain(mrEnclave);
  }, 60_000);

  test('the second one says what the image says, and why a path is refused or not', async () => {
    await library(1, ['oci:app:latest', 'runtime', key, 'oci:second:1']);
    const info = await gsc(['info-image', 'oci:second:1', '--json']);
    const { mr_enclave: mrEnclave, trusted_files: count } = JSON.parse(info.stdout);
    expect(await library(2, ['oci:second:1', '/app'])).toBe(`${mrEnclave} ${count} trusted\n`);
    expect(await library(2, ['oci:second:1', '/nowhere'])).toBe(`${mrEnclave} ${count} absent\n`);
  }, 60_000);

  test('the third one signs as gsc sgx-sign does', async () => {
    const manifest = 'loader.entrypoint.uri = "file:libos"\nlibos.entrypoint = "/app"\n';
    writeFileSync(join(gsc.directory, 'm.manifest'), manifest);
    writeFileSync(join(gsc.directory, 'libos'), 'library OS');
    const printed = await library(3, ['m.manifest', libpal, key]);
    const files = ['-m', 'm.manifest', '-l', libpal, '-k', key, '-o', 'o.sgx', '-s', 'o.sig'];
    const signed = await gsc(['sgx-sign', ...files, '-d', '2026-01-01']);
    expect(signed.stdout, signed.stderr).toBe(printed);
    for (const kind of ['sgx', 'sig'])
      expect(contentOf(`m.manifest.${kind}`).equals(contentOf(`o.${kind}`)), kind).toBe(true);
  }, 60_000);

  test('fail with an error of a known code for an image that is not there', async () => {
    await expect(library(1, ['oci:nowhere', 'runtime', key, 'oci:none'])).rejects.toThrow(/not-found/);
  }, 60_000);

  describe('about attesting', () => {
    const pki = makeTestPki();

    beforeAll(() => {
      mkdirSync(join(gsc.directory, 'collateral'));
      for (const { path, bytes } of collateralFiles(makeCollateral(pki)))
        writeFileSync(join(gsc.directory, 'collateral', path), bytes);
      writeFileSync(join(gsc.directory, 'quote'), makeQuote(pki));
    });

    test('the first one sends nothing to a server whose quote is not signed below the root of Intel', async () => {
      let requests = 0;
      const { key: serverKey, pem } = makeRaTls(pki);
      const tls = { key: serverKey.export({ type: 'pkcs8', format: 'pem' }), cert: pem };
      const server = createServer(tls, () => {
        requests += 1;
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
        const asked = run('docs/attesting.md', 1, [url, 'collateral', testEnclave.mrEnclave]);
        await expect(asked).rejects.toThrow(/the server is not attested: pck-chain/);
        expect(requests).toBe(0);
      } finally {
        server.close();
      }
    }, 60_000);

    test('the second one says which check of a quote fails, and ends with 1', async () => {
      const verified = run('docs/attesting.md', 2, ['quote', 'collateral', testEnclave.mrEnclave]);
      await expect(verified).rejects.toMatchObject({
        code: 1,
        stderr: '',
        stdout: expect.stringMatching(/^quote-format ok.*\npck-chain failed /),
      });
    }, 60_000);
  });
});

function exampleOf(file: string, number: number): DocsExample {
  const example = examples.find((each) => each.file === file && each.number === number);
  if (example === undefined) throw new Error(`${file} has no program ${number}`);
  return example;
}

function library(number: number, args: readonly string[]): Promise<string> {
  return run('docs/library.md', number, args);
}

/** What a program prints. */
async function run(file: string, number: number, args: readonly string[]): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: join(gsc.directory, 'home') };
  const program = programOf(user, exampleOf(file, number));
  const options = { cwd: gsc.directory, env };
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], options);
  return stdout;
}

function contentOf(name: string): Buffer {
  return readFileSync(join(gsc.directory, name));
}
