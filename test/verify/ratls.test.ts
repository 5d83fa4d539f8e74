import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { type BuildChoices, noChoices } from '../../src/graminize/build-options.ts';
import type { Image } from '../../src/image/image.ts';
import { pemSigner } from '../../src/key/pem-signer.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { signImage } from '../../src/sign/sign-image.ts';
import type { ImageCheck, ImageCheckName } from '../../src/verify/check.ts';
import { type VerifyImageOptions, verifyImage } from '../../src/verify/verify-image.ts';
import { appImage, glibcProgram } from '../support/graminized/app-image.ts';
import { graminizeApp } from '../support/graminized/graminized.ts';
import { testKey } from '../support/signature/test-key.ts';
import { attestingRuntime, raTlsElf } from '../support/user-manifest/attesting-runtime.ts';
import { AttackedImage } from '../support/verify/attacked-image.ts';

const raTls = { certificate: imagePath('/run/tls/cert.pem'), key: imagePath('/run/tls/key.pem') };
const secretBrokers = { servers: ['broker.example.com:4433'], authorities: Buffer.from('PEM\n') };

let app: Image;
let runtime: Runtime;

beforeAll(async () => {
  app = await appImage([[...glibcProgram(), ['srv/a', 'a']]], { Cmd: ['/app', 'x'] });
  runtime = await attestingRuntime();
});

async function signed(choices: Partial<BuildChoices>): Promise<Image> {
  const unsigned = await graminizeApp(app, {
    runtime,
    libc: 'auto',
    choices: { ...noChoices, ...choices },
  });
  const signer = pemSigner(readFileSync(await testKey()), { subject: 'test key' });
  return (await signImage(unsigned, { signer, name: 'signed' })).image;
}

const at = new Date('2026-01-02');

async function checksOf(image: Image, options: Partial<VerifyImageOptions> = {}) {
  const { checks } = await verifyImage(image, { at, ...options });
  const textsOf = (result: ImageCheck['result']) =>
    checks
      .filter((check) => check.result === result)
      .map(({ name, subject, detail, lines = [] }) =>
        [`${name}: ${subject}: ${detail}`, ...lines].join('\n'),
      );
  const resultOf = (wanted: ImageCheckName) => checks.find(({ name }) => name === wanted)?.result;
  return { failed: textsOf('failed'), resultOf };
}

const builds = [
  ['--ratls', { raTls }],
  ['--ratls in DER', { raTls: { ...raTls, format: 'der' } }],
  ['--secret-from', { secretBrokers }],
  ['both', { raTls, secretBrokers }],
] as const;

describe.each(builds)('an image that was built with %s', (_, choices) => {
  test('is verified by itself', async () => {
    const { failed, resultOf } = await checksOf(await signed(choices));
    expect([failed, resultOf('program'), resultOf('libraries')]).toEqual([[], 'ok', 'ok']);
  });

  test('is built again, with the runtime that is given and with the one in the image', async () => {
    const image = await signed(choices);
    for (const options of [{ base: { app }, runtime }, { base: { app } }]) {
      const { failed, resultOf } = await checksOf(image, options);
      expect([failed, resultOf('rebuild')]).toEqual([[], 'ok']);
    }
  });
});

describe('an image that starts by gramine-ratls', () => {
  const program = 'gramine/runtime/gramine-ratls';
  const authorities = 'gramine/app_files/secret-prov-ca.pem';
  const library = 'gramine/runtime/runtime/glibc/libra_tls_attest.so';

  interface Attack {
    readonly title: string;
    readonly change: (image: AttackedImage) => void;
    readonly names: RegExp;
  }
  const attacks: readonly Attack[] = [
    {
      title: 'gramine-ratls changed',
      change: (image) => image.flip(program),
      names: /^trusted-files: \/gramine\/runtime\/gramine-ratls: expected SHA-256 /,
    },
    {
      title: 'gramine-ratls removed',
      change: (image) => image.remove(program),
      names: /^program: \/gramine\/runtime\/gramine-ratls: /,
    },
    {
      title: 'gramine-ratls replaced by a later layer',
      change: (image) => image.addLayer([{ name: program, mode: 0o755 }, 'other']),
      names: /^trusted-files: \/gramine\/runtime\/gramine-ratls: /,
    },
    {
      title: 'a link in place of gramine-ratls',
      change: (image) => image.swapForLink(program, '/app'),
      names: /gramine-ratls/,
    },
    {
      title: 'its library changed',
      change: (image) => image.flip(library),
      names: /^trusted-files: \/gramine\/runtime\/runtime\/glibc\/libra_tls_attest\.so: /,
    },
    {
      title: 'its library removed',
      change: (image) => image.remove(library),
      names: /^libraries: libra_tls_attest\.so: \/gramine\/runtime\/gramine-ratls needs it/,
    },
    {
      title: 'the authorities of brokers changed',
      change: (image) => image.flip(authorities),
      names: /^trusted-files: \/gramine\/app_files\/secret-prov-ca\.pem: /,
    },
    {
      title: 'the arguments changed, so that the certificate goes elsewhere',
      change: (image) => {
        const path = 'gramine/app_files/entrypoint.manifest.sgx';
        image.write(
          path,
          image.content(path).toString().replaceAll('/run/tls/cert.pem', '/srv/tls/cert.pem'),
        );
      },
      names: /^mrenclave: /,
    },
  ];

  test.each(attacks)('is not verified with $title', async ({ change, names }) => {
    const image = await AttackedImage.of(await signed({ raTls, secretBrokers }));
    change(image);
    const { failed } = await checksOf(await image.build());
    expect(failed.join('\n')).toMatch(new RegExp(names.source, 'm'));
  });

  test('is another one with the gramine-ratls of another release', async () => {
    const image = await signed({ raTls });
    const other = await attestingRuntime({
      '/usr/bin/gramine-ratls': Buffer.concat([raTlsElf, Buffer.alloc(1)]),
    });
    const { failed } = await checksOf(image, { base: { app }, runtime: other });
    expect(failed.join('\n')).toMatch(/gramine-ratls/);
  });
});
