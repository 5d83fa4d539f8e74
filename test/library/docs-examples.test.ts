import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { compile, docsExamples, libraryUser, programOf } from '../support/library/docs-examples.ts';
import { testKey } from '../support/signature/test-key.ts';

const examples = docsExamples();
const libpal = 'runtime/gramine/sgx/libpal.so';
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
  test('compile against the types that are published', () => {
    expect(compilerOutput).toBe('');
  });

  test('are all run below', () => {
    expect(examples.map(({ file, number }) => `${file} ${number}`)).toEqual([
      'docs/library.md 1',
      'docs/library.md 2',
      'docs/library.md 3',
    ]);
  });

  test('the first one takes twenty lines to build, sign and store what the command line makes', async () => {
    const lines = (examples[0]?.text ?? '').split('\n').filter((line) => line !== '');
    expect(lines.length).toBeLessThanOrEqual(20);
    const [mrEnclave, digest] = run(1, ['oci:app:latest', 'runtime', key, 'oci:made:1']).trim().split(' ');
    const built = await gsc([
      'build',
      '--runtime',
      'runtime',
      '--key',
      key,
      '-o',
      'oci:cli:1',
      'oci:app:latest',
    ]);
    expect(built.stdout, built.stderr).toBe(`oci:cli:1@${digest}\n`);
    expect(built.stderr).toContain(mrEnclave);
  }, 60_000);

  test('the second one says what the image says, and why a path is refused or not', async () => {
    run(1, ['oci:app:latest', 'runtime', key, 'oci:second:1']);
    const info = await gsc(['info-image', 'oci:second:1', '--json']);
    const { mr_enclave: mrEnclave, trusted_files: count } = JSON.parse(info.stdout);
    expect(run(2, ['oci:second:1', '/app'])).toBe(`${mrEnclave} ${count} trusted\n`);
    expect(run(2, ['oci:second:1', '/nowhere'])).toBe(`${mrEnclave} ${count} absent\n`);
  }, 60_000);

  test('the third one signs as gsc sgx-sign does', async () => {
    const manifest = 'loader.entrypoint.uri = "file:libos"\nlibos.entrypoint = "/app"\n';
    writeFileSync(join(gsc.directory, 'm.manifest'), manifest);
    writeFileSync(join(gsc.directory, 'libos'), 'library OS');
    const printed = run(3, ['m.manifest', libpal, key]);
    const files = ['-m', 'm.manifest', '-l', libpal, '-k', key, '-o', 'o.sgx', '-s', 'o.sig'];
    const signed = await gsc(['sgx-sign', ...files, '-d', '2026-01-01']);
    expect(signed.stdout, signed.stderr).toBe(printed);
    for (const kind of ['sgx', 'sig'])
      expect(contentOf(`m.manifest.${kind}`).equals(contentOf(`o.${kind}`)), kind).toBe(true);
  }, 60_000);

  test('fail with an error of a known code for an image that is not there', () => {
    expect(() => run(1, ['oci:nowhere', 'runtime', key, 'oci:none'])).toThrow(/not-found/);
  }, 60_000);
});

function run(number: number, args: readonly string[]): string {
  const example = examples.find((each) => each.file === 'docs/library.md' && each.number === number);
  if (example === undefined) throw new Error(`docs/library.md has no program ${number}`);
  const env = { PATH: process.env.PATH, HOME: join(gsc.directory, 'home') };
  const options = { cwd: gsc.directory, encoding: 'utf8', env, stdio: 'pipe' } as const;
  return execFileSync(process.execPath, [programOf(user, example), ...args], options);
}

function contentOf(name: string): Buffer {
  return readFileSync(join(gsc.directory, name));
}
