import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';
import { testKey } from '../support/signature/test-key.ts';

let gsc: GscHere;
let identity: Readonly<Record<string, unknown>>;

beforeAll(async () => {
  gsc = gscInProcess();
  const at = (...path: readonly string[]) => join(gsc.directory, ...path);
  writeRuntime(at('runtime'));
  await writeApp(at('app'), { run: { Cmd: ['/app'] } });
  copyFileSync(await testKey(), at('key.pem'));
  writeFileSync(at('app.manifest'), 'sgx.isvprodid = 7\nsgx.isvsvn = 3\n');
  writeFileSync(at('debug.manifest'), 'sgx.debug = true\n');
  const make = async (name: string, manifest: string, ...more: readonly string[]) => {
    const args = [
      'build',
      ...more,
      '--runtime',
      'runtime',
      '--key',
      'key.pem',
      '-o',
      name,
      'oci:app',
      manifest,
    ];
    expect(await gsc(args)).toMatchObject({ code: 0 });
  };
  await make('oci:My_App.v2:1', 'app.manifest');
  await make('oci:debug:1', 'debug.manifest', '--allow-debug');
  identity = JSON.parse((await gsc(['info-image', '--json', 'oci:My_App.v2:1'])).stdout);
});

const valuesIn = async (form: string, image = 'oci:My_App.v2:1') => {
  const result = await gsc(['info-image', image, '--expected-values', form]);
  expect(result.code, result.stderr).toBe(0);
  return result;
};

describe('gsc info-image --expected-values', () => {
  test('gives the identity as JSON, also without a form', async () => {
    const { mr_enclave, mr_signer } = identity;
    const expected = { mr_enclave, mr_signer, isv_prod_id: 7, isv_svn: 3, debug: false };
    const { stdout, stderr } = await valuesIn('json');
    expect([JSON.parse(stdout), stderr]).toEqual([expected, '']);
    expect((await gsc(['info-image', 'oci:My_App.v2:1', '--expected-values'])).stdout).toBe(stdout);
  });

  test("gives the variables of Gramine's verifier, a line each", async () => {
    expect((await valuesIn('ratls')).stdout).toBe(
      `RA_TLS_MRENCLAVE=${identity.mr_enclave}\nRA_TLS_MRSIGNER=${identity.mr_signer}\nRA_TLS_ISV_PROD_ID=7\nRA_TLS_ISV_SVN=3\n`,
    );
  });

  test('gives a package of MarbleRun, named after the image', async () => {
    const package_ = { UniqueID: identity.mr_enclave, Debug: false };
    expect(JSON.parse((await valuesIn('marblerun')).stdout)).toEqual({ Packages: { 'my-app-v2': package_ } });
  });

  test('gives a ConfigMap whose values are all strings', async () => {
    expect(parseYaml((await valuesIn('kubernetes')).stdout)).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'my-app-v2-identity' },
      data: {
        RA_TLS_MRENCLAVE: identity.mr_enclave,
        RA_TLS_MRSIGNER: identity.mr_signer,
        RA_TLS_ISV_PROD_ID: '7',
        RA_TLS_ISV_SVN: '3',
      },
    });
  });

  test('warns of a debug enclave, and gives nothing that would let it through', async () => {
    const { stdout, stderr } = await valuesIn('ratls', 'oci:debug:1');
    expect(stderr).toMatch(/^warning: this is a debug enclave/m);
    expect(stdout).not.toMatch(/ALLOW|DEBUG/);
    expect(JSON.parse((await valuesIn('marblerun', 'oci:debug:1')).stdout)).toMatchObject({
      Packages: { debug: { Debug: true } },
    });
  });

  test.each([
    [['ratls', '--json'], /not JSON/],
    [['json', '--predict'], /--predict/],
  ])('refuses %j, which would silently do something else', async (more, message) => {
    const { code, stderr } = await gsc(['info-image', 'oci:My_App.v2:1', '--expected-values', ...more]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test('refuses another form, and names those that there are', async () => {
    const { code, stderr } = await gsc(['info-image', 'oci:My_App.v2:1', '--expected-values', 'xml']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/json, ratls, marblerun, kubernetes/)]);
  });
});
