import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { Image } from '../../src/image/image.ts';
import { labels, stateOf } from '../../src/image/labels.ts';
import { mediaTypes } from '../../src/image/media-type.ts';
import { inspectImage } from '../../src/inspect/inspect-image.ts';
import { pemSigner } from '../../src/key/pem-signer.ts';
import { findRuntime } from '../../src/runtime/find/find-runtime.ts';
import { signImage } from '../../src/sign/sign-image.ts';
import { describeSigstruct } from '../../src/signature/describe-sigstruct.ts';
import type { Signer } from '../../src/signature/signer.ts';
import { verifySigstruct } from '../../src/signature/verify-sigstruct.ts';
import { type AppOptions, appImage, staticProgram } from '../support/graminized/app-image.ts';
import { entriesOf, fileIn, graminizeApp, runtimeOf, type Wishes } from '../support/graminized/graminized.ts';
import { installation, packageFiles, treeOf } from '../support/runtime/make-tree.ts';
import { testKey } from '../support/signature/test-key.ts';

let signer: Promise<Signer> | undefined;

function testSigner(): Promise<Signer> {
  signer ??= testKey().then(async (file) => pemSigner(await readFile(file), { subject: 'test key' }));
  return signer;
}

async function unsignedImage(wishes: Wishes = {}, options: AppOptions = {}): Promise<Image> {
  const app = await appImage([[staticProgram(), staticProgram('bin/sh')]], { Cmd: ['/app'] }, options);
  return (await graminizeApp(app, wishes)).image;
}

async function signed(unsigned: Image, date?: string) {
  return signImage(unsigned, {
    signer: await testSigner(),
    name: 'signed',
    ...(date !== undefined && { date }),
  });
}

const manifestPath = '/gramine/app_files/entrypoint.manifest';
const sigPath = '/gramine/app_files/entrypoint.sig';

describe('signing an image', () => {
  test('adds one layer with the manifest and a SIGSTRUCT that verifies, and nothing else', async () => {
    const unsigned = await unsignedImage();
    const { image, enclave } = await signed(unsigned);
    expect(image.layers.slice(0, -1).map(({ descriptor }) => descriptor)).toEqual(
      unsigned.layers.map(({ descriptor }) => descriptor),
    );
    const added = await entriesOf(image.layers.at(-1));
    expect(added.map(({ name, mode, uid }) => [name, mode, uid])).toEqual([
      ['gramine/app_files/entrypoint.manifest.sgx', 0o644, 0],
      ['gramine/app_files/entrypoint.sig', 0o644, 0],
    ]);
    expect(added[0]?.content).toEqual(await fileIn(unsigned, manifestPath));
    expect(added[1]?.content).toEqual(enclave.sigstruct);
    verifySigstruct(enclave.sigstruct, 'test');
  });

  test('is the same for what was just graminized and for the image as it was stored', async () => {
    const app = await appImage([[staticProgram(), staticProgram('bin/sh')]], { Cmd: ['/app'] });
    const graminized = await graminizeApp(app);
    const options = { signer: await testSigner() };
    const [now, later] = [await signImage(graminized, options), await signImage(graminized.image, options)];
    expect(now.image.manifest).toEqual(later.image.manifest);
    expect(now.enclave).toEqual(later.enclave);
    expect([now.date, now.image.name]).toEqual([later.date, later.image.name]);
  });

  test('reads the layer of the app files alone, and the runtime of an image that does not say which it was built with', async () => {
    const unsigned = await unsignedImage();
    const opened: string[] = [];
    const watched = (image: Image): Image => ({
      ...image,
      layers: image.layers.map((layer, index) => ({
        ...layer,
        open: () => {
          opened.push(`${index}`);
          return layer.open();
        },
      })),
    });
    const { enclave } = await signed(watched(unsigned));
    expect(opened).toEqual(['2']);
    const { [labels.runtimeLayer]: _, ...Labels } = unsigned.config.config?.Labels ?? {};
    const config = { ...unsigned.config, config: { ...unsigned.config.config, Labels } };
    expect((await signed(watched({ ...unsigned, config }))).enclave).toEqual(enclave);
    expect(opened).toEqual(['2', '2', '1']);
  });

  test('again gives what the unsigned image gives, whatever the key before', async () => {
    const unsigned = await unsignedImage();
    const first = await signed(unsigned, '2020-02-02');
    expect((await signed(first.image)).image.manifest).toEqual((await signed(unsigned)).image.manifest);
  });

  test('measures once what a store remembers, and never what it does not', async () => {
    const kept = new Map<string, string>();
    const measurements = {
      load: async (source: string) => kept.get(source),
      save: async (source: string, mrEnclave: string) => void kept.set(source, mrEnclave),
    };
    const signer = await testSigner();
    const unsigned = await unsignedImage();
    const first = await signImage(unsigned, { signer, measurements });
    expect([...kept.values()]).toEqual([first.enclave.mrEnclave]);
    expect((await signImage(unsigned, { signer, measurements })).enclave).toEqual(first.enclave);
    const overrides = { isvSvn: 9 };
    const other = await signImage(unsigned, { signer, measurements, overrides });
    expect(kept.size).toBe(2);
    expect(other.enclave.mrEnclave).toBe(
      (await signImage(unsigned, { signer, overrides })).enclave.mrEnclave,
    );
    expect(other.applied).toEqual([{ key: 'sgx.isvsvn', from: '0', to: '9' }]);
  });

  test('labels the image with what was measured; all else of its configuration stays', async () => {
    const manifest = 'sgx.isvprodid = 3\nsgx.isvsvn = 4';
    const unsigned = await unsignedImage({ manifest });
    const { image, enclave } = await signed(unsigned);
    const { Labels: before, ...configuration } = unsigned.config.config ?? {};
    const { Labels: after, ...same } = image.config.config ?? {};
    expect(same).toEqual(configuration);
    expect(after).toEqual({
      ...before,
      'gsc.mrenclave': enclave.mrEnclave,
      'gsc.mrsigner': enclave.mrSigner,
      'gsc.isvprodid': '3',
      'gsc.isvsvn': '4',
    });
    expect(stateOf(after ?? {})).toBe('signed');
  });

  test.each<[string, string | null, string | undefined, string]>([
    ['the day of the image', '2024-05-06T07:08:09Z', undefined, '2024-05-06'],
    ['the day of the image in UTC', '2024-05-06T01:00:00+02:00', undefined, '2024-05-05'],
    ['1970 for an image without a time', null, undefined, '1970-01-01'],
    ['year 1 for an image that says so', '0001-01-01T00:00:00Z', undefined, '0001-01-01'],
    ['the date that is asked for', '2024-05-06T07:08:09Z', '2031-12-30', '2031-12-30'],
  ])('writes %s into the SIGSTRUCT', async (_, created, date, expected) => {
    const result = await signed(await unsignedImage({}, { created }), date);
    expect(result.date).toBe(expected);
    expect(describeSigstruct(result.enclave.sigstruct, 'test').date).toBe(expected);
  });

  test('takes the times of its layer from the image', async () => {
    for (const [created, seconds] of [
      ['2024-05-06T07:08:09Z', 1714979289],
      ['0001-01-01T00:00:00Z', 0],
    ] as const) {
      const { image } = await signed(await unsignedImage({}, { created }));
      const entries = await entriesOf(image.layers.at(-1));
      expect(entries.map(({ mtimeSeconds }) => mtimeSeconds)).toEqual([seconds, seconds]);
      expect(image.config.created).toBe(created);
    }
  });

  test("keeps Docker's media types", async () => {
    const { image } = await signed(await unsignedImage({}, { isDocker: true }));
    expect(image.manifest.mediaType).toBe(mediaTypes.dockerManifest);
    expect(image.layers.at(-1)?.descriptor.mediaType).toBe(mediaTypes.dockerLayer);
  });

  test('twice gives the same bytes', async () => {
    const unsigned = await unsignedImage();
    const [one, two] = [await signed(unsigned), await signed(unsigned)];
    expect(two.image.manifest).toEqual(one.image.manifest);
  });

  test.each(['1.4', '1.5', '1.6.2', '1.7', '1.8'])('follows the rules of Gramine %s', async (version) => {
    const { enclave, date } = await signed(await unsignedImage({ runtime: await runtimeOf(version) }));
    const bytes = enclave.sigstruct.subarray(20, 24);
    expect(date).toBe('2024-05-06');
    expect(bytes.toString('hex')).toBe(version === '1.4' ? 'e8070506' : '06052420');
  });

  test('measures what is in the image: another manifest, another MRENCLAVE; another program too', async () => {
    const results = await Promise.all([
      unsignedImage().then((image) => signed(image)),
      unsignedImage({ manifest: 'sgx.max_threads = 5' }).then((image) => signed(image)),
    ]);
    const [one, two] = results.map(({ enclave }) => enclave.mrEnclave);
    expect(one).not.toBe(two);
    const other = await appImage([[staticProgram('app', 'other'), staticProgram('bin/sh')]], {
      Cmd: ['/app'],
    });
    expect((await signed((await graminizeApp(other)).image)).enclave.mrEnclave).not.toBe(one);
  });
});

describe('what is not signed', () => {
  test('an app image, with a hint to gsc build', async () => {
    const app = await appImage([[staticProgram()]], { Cmd: ['/app'] });
    await expect(signed(app)).rejects.toMatchObject({
      code: 'state',
      hint: expect.stringContaining('gsc build'),
    });
  });

  test('an image that says it is graminized and has no manifest', async () => {
    const Labels = { [labels.runtimeVersion]: '1.9' };
    const app = await appImage([[staticProgram()]], { Cmd: ['/app'], Labels });
    await expect(signed(app)).rejects.toMatchObject({
      code: 'state',
      message: expect.stringContaining(manifestPath),
    });
  });

  test('a signed image on which another layer was put', async () => {
    const { image } = await signed(await unsignedImage());
    const top = await appImage([[['etc/more', Buffer.from('x')]]], {});
    const changed = { ...image, layers: [...image.layers, ...top.layers] };
    await expect(signed(changed)).rejects.toMatchObject({
      code: 'state',
      message: expect.stringContaining('changed after it was signed'),
    });
  });

  test('a debug enclave, where the caller allows none, unless the key is for tests', async () => {
    const unsigned = await unsignedImage({ manifest: 'sgx.debug = true' });
    const signer = await testSigner();
    await expect(signImage(unsigned, { signer, allowsDebug: false })).rejects.toMatchObject({
      code: 'enclave',
    });
    const forTests = { ...signer, isForTests: true };
    expect(
      (await signImage(unsigned, { signer: forTests, allowsDebug: false })).enclave.settings.isDebug,
    ).toBe(true);
  });

  test('with another key than the wanted one', async () => {
    const options = { signer: await testSigner(), mrSigner: '0'.repeat(64) };
    await expect(signImage(await unsignedImage(), options)).rejects.toMatchObject({ code: 'key' });
  });

  test('an image whose libsysdb.so is not the one that its manifest names', async () => {
    const unsigned = await unsignedImage();
    const other = await unsignedImage({ runtime: await otherRuntime() });
    const [app, , appFiles] = unsigned.layers;
    const mixed = { ...unsigned, layers: [app, other.layers[1], appFiles] } as Image;
    await expect(signed(mixed)).rejects.toMatchObject({
      code: 'runtime',
      message: expect.stringContaining('/gramine/runtime/libsysdb.so'),
    });
  });

  test.each(['2024-5-6', 'today', ''])('with the date %o', async (date) => {
    await expect(signed(await unsignedImage(), date)).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('inspecting an image', () => {
  test('says what the signature and the manifest say', async () => {
    const manifest = 'sgx.debug = true\nsgx.isvsvn = 7';
    const { image, enclave } = await signed(await unsignedImage({ manifest }), '2025-06-07');
    const inspection = await inspectImage(image);
    expect(inspection.sigstruct).toMatchObject({
      mrEnclave: enclave.mrEnclave,
      mrSigner: enclave.mrSigner,
      isvSvn: 7,
      date: '2025-06-07',
      isDebug: true,
    });
    expect(inspection.trustedFileCount).toBe(3);
    expect(inspection.insecure.map(({ path }) => path.join('.'))).toEqual(['sgx.debug']);
    expect(inspection.labels['gsc.mrenclave']).toBe(enclave.mrEnclave);
  });

  test('tells an unsigned image from one that is not graminized', async () => {
    await expect(inspectImage(await unsignedImage())).rejects.toMatchObject({
      code: 'state',
      message: expect.stringContaining('unsigned'),
      hint: expect.stringContaining('sign-image'),
    });
    const app = await appImage([[staticProgram()]], { Cmd: ['/app'] });
    await expect(inspectImage(app)).rejects.toMatchObject({
      code: 'state',
      hint: expect.stringContaining('gsc build'),
    });
  });

  test('refuses a SIGSTRUCT whose bytes were changed', async () => {
    const { image } = await signed(await unsignedImage());
    const sigstruct = Buffer.from((await fileIn(image, sigPath)) ?? '');
    sigstruct[960] = (sigstruct[960] ?? 0) ^ 1;
    const top = await appImage([[['gramine/app_files/entrypoint.sig', sigstruct]]], {});
    const changed = { ...image, layers: [...image.layers, ...top.layers] };
    await expect(inspectImage(changed)).rejects.toMatchObject({ code: 'sigstruct' });
  });
});

/** The usual runtime with other contents of its files. */
async function otherRuntime() {
  const files = packageFiles('/usr/lib/x86_64-linux-gnu/gramine', 'other');
  const { tree, readFiles } = treeOf({ ...installation(), ...files });
  return findRuntime(tree, readFiles, { subject: 'other' });
}
