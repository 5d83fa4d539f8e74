import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeRuntime } from '../support/cli/made-files.ts';
import { fileOfVector, readVectors } from '../support/enclave/vectors.ts';
import { skipWithoutVectors } from '../support/manifest/genuine.ts';
import { testKey } from '../support/signature/test-key.ts';

let gsc: GscHere;

beforeAll(async () => {
  gsc = gscInProcess();
  writeRuntime(join(gsc.directory, 'runtime'));
  const libpal = 'runtime/usr/lib/x86_64-linux-gnu/gramine/sgx/libpal.so';
  const manifest = `
    libos.entrypoint = "/app"
    fs.mounts = []
    loader.entrypoint = { uri = "file:x", sha256 = "${'00'.repeat(32)}" }
    sgx.edmm_enable = true
    sgx.debug = true
    sgx.isvprodid = 3
    sgx.isvsvn = 65535`;
  writeFileSync(join(gsc.directory, 'x.manifest'), manifest);
  copyFileSync(await testKey(), join(gsc.directory, 'key.pem'));
  const files = ['-m', 'x.manifest', '-o', 'x.manifest.sgx', '-l', libpal, '-k', 'key.pem'];
  const signed = await gsc(['sgx-sign', ...files, '-d', '2024-02-29']);
  expect(signed.code, signed.stderr).toBe(0);
});

const shortKeys = ['mr_signer', 'mr_enclave', 'isv_prod_id', 'isv_svn', 'debug_enclave'];

describe('gsc sigstruct-view', () => {
  test('prints the fields of the genuine tool as text', async () => {
    const { code, stdout, stderr } = await gsc(['sigstruct-view', 'x.sig']);
    expect([code, stderr]).toEqual([0, '']);
    const [title, ...lines] = stdout.trimEnd().split('\n');
    expect(title).toBe('Attributes:');
    expect(lines.map((line) => /^ {4}(\w+): \S+$/.exec(line)?.[1])).toEqual(shortKeys);
  });

  test('prints the same as TOML and as JSON', async () => {
    const toml = parse((await gsc(['sigstruct-view', '--output-format', 'toml', 'x.sig'])).stdout);
    const json = JSON.parse((await gsc(['sigstruct-view', '--output-format', 'json', 'x.sig'])).stdout);
    expect(Object.keys(json)).toEqual(shortKeys);
    expect(toml).toEqual(json);
    expect(json).toMatchObject({ isv_prod_id: 3, isv_svn: 65535, debug_enclave: true });
    expect(JSON.parse((await gsc(['sigstruct-view', '--json', 'x.sig'])).stdout)).toEqual(json);
  });

  test('prints attributes, masks and date with -v', async () => {
    const { stdout } = await gsc(['sigstruct-view', '-v', '--json', 'x.sig']);
    expect(JSON.parse(stdout)).toMatchObject({
      attribute_flags: '0x6',
      attribute_flags_mask: '0xffffffffffffffff',
      attribute_xfrms: '0x3',
      attribute_xfrm_mask: '0xfffffffffff9ff1b',
      misc_select: '0x0',
      misc_mask: '0xffffffff',
      date: '2024-02-29',
    });
  });

  test('reads standard input', async () => {
    const input = readFileSync(join(gsc.directory, 'x.sig'));
    const [piped, read] = [
      await gsc(['sigstruct-view', '-'], { input }),
      await gsc(['sigstruct-view', 'x.sig']),
    ];
    expect(piped).toEqual(read);
  });

  test('still prints a SIGSTRUCT whose signature does not verify, says so and ends with 1', async () => {
    const bytes = readFileSync(join(gsc.directory, 'x.sig'));
    bytes[960] = (bytes[960] ?? 0) ^ 1;
    writeFileSync(join(gsc.directory, 'changed.sig'), bytes);
    const result = await gsc(['sigstruct-view', 'changed.sig']);
    expect(result).toMatchObject({ code: 1, stdout: expect.stringContaining('mr_enclave') });
    expect(result.stderr).toMatch(/^gsc: changed\.sig: .*\n(hint: .*\n)?$/);
  });

  test.each<[string, Buffer, string]>([
    ['an empty file', Buffer.alloc(0), '1808'],
    ['a file that is cut short', Buffer.alloc(1807), '1808'],
    ['a file that is too long', Buffer.alloc(1809), '1808'],
    ['a file of zeros', Buffer.alloc(1808), 'zeros.sig'],
  ])('refuses %s', async (_, bytes, message) => {
    writeFileSync(join(gsc.directory, 'zeros.sig'), bytes);
    const result = await gsc(['sigstruct-view', 'zeros.sig']);
    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
  });

  test('refuses a format that it does not have, and a file that is missing', async () => {
    expect((await gsc(['sigstruct-view', '--output-format', 'xml', 'x.sig'])).code).toBe(2);
    expect((await gsc(['sigstruct-view', 'none.sig'])).code).toBe(1);
    expect((await gsc(['sigstruct-view'])).code).toBe(2);
  });
});

describe.skipIf(skipWithoutVectors())('gsc sigstruct-view of the genuine signers', () => {
  const all = skipWithoutVectors() ? [] : readVectors('gramine-');

  test('says what their own record says', async () => {
    for (const vector of all.filter(({ name }) => /^[ov]0[1245]/.test(name))) {
      const file = join(gsc.directory, `${vector.name}.sig`);
      writeFileSync(file, fileOfVector(vector, '.sig'));
      copyFileSync(file, join(gsc.directory, 'genuine.sig'));
      const { code, stdout } = await gsc(['sigstruct-view', '-v', '--json', 'genuine.sig']);
      const { sigstruct } = vector;
      expect(code).toBe(0);
      expect(JSON.parse(stdout), vector.name).toMatchObject({
        mr_enclave: vector.mrenclave,
        mr_signer: sigstruct.mrsigner,
        isv_prod_id: sigstruct.isvprodid,
        isv_svn: sigstruct.isvsvn,
        attribute_flags: shortHex(sigstruct.attributes_flags),
        attribute_xfrms: shortHex(sigstruct.attributes_xfrm),
        attribute_xfrm_mask: shortHex(sigstruct.attributemask_xfrm),
        misc_select: shortHex(sigstruct.miscselect),
      });
    }
  });
});

function shortHex(text: string): string {
  return `0x${BigInt(text).toString(16)}`;
}
