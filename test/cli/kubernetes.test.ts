import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pemSigner } from '../../src/key/pem-signer.ts';
import { signImage } from '../../src/sign/sign-image.ts';
import { gscHere } from '../support/cli/in-process.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp } from '../support/graminized/graminized.ts';
import { testKey } from '../support/signature/test-key.ts';
import { startDouble, stock } from '../support/store/registry/fixture.ts';
import { AttackedImage } from '../support/verify/attacked-image.ts';

test.each([
  ['nothing', []],
  ['a file without an image', ['-f', 'pod.yaml']],
  ['an image without its container', ['-f', 'pod.yaml', '--image', 'gsc-app:1']],
  ['both ways at once', ['-f', 'pod.yaml', '--image', 'app=gsc-app:1', 'gsc-app:1']],
  ['a container without a file', ['--image', 'app=gsc-app:1']],
])('gsc kubernetes with %s says both ways of calling it', async (_what, words) => {
  const { code, stdout, stderr } = await gscHere(['kubernetes', ...words]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toBe(
    'gsc: command line: expected IMAGE alone for a new manifest, or -f FILE and --image CONTAINER=IMAGE\n' +
      'hint: write gsc kubernetes gsc-app:1, or gsc kubernetes -f deployment.yaml --image app=gsc-app:1\n',
  );
});

test('gsc kubernetes proposes the nearest kind and plugin', async () => {
  const { code, stderr } = await gscHere(['kubernetes', '--kind', 'deploymnt', 'gsc-app:1']);
  expect(code).toBe(2);
  expect(stderr).toContain('hint: did you mean deployment?');
});

test('the identity in a manifest is that of the signature, not what a label says', async () => {
  const app = await appImage([[staticProgram()]], { Cmd: ['/app'] });
  const signer = pemSigner(readFileSync(await testKey()), { subject: 'test key' });
  const { image, enclave } = await signImage(await graminizeApp(app), { signer, name: 'signed' });
  const changed = await AttackedImage.of(image);
  changed.label('gsc.mrenclave', '0'.repeat(64));
  changed.label('gsc.mrsigner', '1'.repeat(64));
  const double = await startDouble();
  await stock(double, 'app', '1', await changed.build());
  const name = `docker://${double.domain}/app:1`;
  const { code, stdout, stderr } = await gscHere(['kubernetes', '--insecure-registry', double.domain, name]);
  expect(code, stderr).toBe(0);
  const mrEnclave = enclave.sigstruct.subarray(960, 992).toString('hex');
  expect(stdout).toContain(`gsc.mrenclave/app: ${mrEnclave}`);
  expect(stdout).not.toMatch(/0{64}|1{64}/);
});
