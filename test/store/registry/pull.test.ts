import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../src/base/digest.ts';
import type { Platform } from '../../../src/image/descriptor.ts';
import type { Image } from '../../../src/image/image.ts';
import { descriptorToJson } from '../../../src/image/manifest.ts';
import { mediaTypes } from '../../../src/image/media-type.ts';
import { collectBytes } from '../../../src/image/verified-stream.ts';
import { canonicalJson } from '../../../src/json/canonical-json.ts';
import { openRegistryImage } from '../../../src/store/registry/open-registry-image.ts';
import {
  imageOf,
  layerOf,
  nameIn,
  openSession,
  startDouble,
  stock,
} from '../../support/store/registry/fixture.ts';
import type { RegistryDouble } from '../../support/store/registry/registry-double.ts';

const layers = [layerOf('a', 100_000), layerOf('b', 300_000)];
const image = imageOf(layers);
const blobPath = /\/blobs\/sha256:/;

async function expectImage(got: Image, wanted: Image): Promise<void> {
  expect(got.manifest).toEqual(wanted.manifest);
  expect(got.manifestBytes.equals(wanted.manifestBytes)).toBe(true);
  expect(got.config).toEqual(wanted.config);
  expect(got.layers.map((layer) => layer.diffId)).toEqual(wanted.layers.map((layer) => layer.diffId));
  for (const [i, layer] of got.layers.entries()) {
    const bytes = await collectBytes(layer.open());
    expect(digestOf(bytes)).toBe(wanted.layers[i]?.descriptor.digest);
  }
}

function indexOf(entries: readonly { image: Image; platform?: Platform }[]): Buffer {
  const manifests = entries.map(({ image: entry, platform }) =>
    descriptorToJson({ ...entry.manifest, ...(platform && { platform }) }),
  );
  return canonicalJson({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
}

async function stocked(options = {}): Promise<RegistryDouble> {
  const double = await startDouble(options);
  await stock(double, 'team/app', '1', image);
  return double;
}

describe('what a name picks', () => {
  test.each([false, true])('an image by its tag comes byte for byte (Docker types: %s)', async (isDocker) => {
    const double = await startDouble();
    const wanted = imageOf(layers, { isDocker });
    await stock(double, 'team/app', '1', wanted);
    const got = await openRegistryImage(openSession().session, nameIn(double, 'team/app:1'));
    await expectImage(got, wanted);
    expect(got.name).toBe(`docker://${double.domain}/team/app:1`);
    expect(got.names).toEqual([`${double.domain}/team/app:1`]);
  });

  test('no tag is latest, and a digest comes before a tag', async () => {
    const double = await stocked();
    const name = nameIn(double, `team/app:gone@${image.manifest.digest}`);
    await expectImage(await openRegistryImage(openSession().session, name), image);
    await expect(openRegistryImage(openSession().session, nameIn(double, 'team/app'))).rejects.toMatchObject({
      code: 'not-found',
      subject: `${double.domain}/team/app`,
      message: expect.stringMatching(
        /manifest of tag latest: status 404 Not Found \(MANIFEST_UNKNOWN: manifest unknown\)/,
      ),
      hint: expect.stringMatching(/check the name/),
    });
  });

  test('opening reads manifest and config only; a layer comes when it is opened', async () => {
    const double = await stocked();
    const got = await openRegistryImage(openSession().session, nameIn(double, 'team/app:1'));
    expect(double.downloadedBlobBytes).toBe(image.configBytes.length);
    await collectBytes(got.layers[1]?.open() ?? expect.fail());
    expect(double.downloadedBlobBytes).toBe(image.configBytes.length + (layers[1]?.bytes.length ?? 0));
  });
});

describe('indexes', () => {
  const arm = imageOf(layers, { architecture: 'arm64' });
  const armPlatform = { os: 'linux', architecture: 'arm64' };
  const amdPlatform = { os: 'linux', architecture: 'amd64' };

  test('linux/amd64 is chosen, in an index inside an index too', async () => {
    const double = await stocked();
    await stock(double, 'team/app', 'arm', arm);
    const inner = indexOf([
      { image: arm, platform: armPlatform },
      { image, platform: amdPlatform },
    ]);
    double.addManifest('team/app', 'inner', mediaTypes.ociIndex, inner);
    const outer = canonicalJson({
      schemaVersion: 2,
      manifests: [
        descriptorToJson({
          mediaType: mediaTypes.ociIndex,
          digest: digestOf(inner),
          sizeBytes: inner.length,
        }),
      ],
    });
    double.addManifest('team/app', 'outer', mediaTypes.dockerIndex, outer);
    for (const tag of ['inner', 'outer']) {
      await expectImage(
        await openRegistryImage(openSession().session, nameIn(double, `team/app:${tag}`)),
        image,
      );
    }
  });

  test('of several levels of amd64 the plain image is taken, or the one that is wanted', async () => {
    const double = await stocked();
    const v3 = imageOf(layers, { variant: 'v3' });
    await stock(double, 'team/app', 'v3', v3);
    const v3Platform = { ...amdPlatform, variant: 'v3' };
    const index = indexOf([
      { image: v3, platform: v3Platform },
      { image, platform: amdPlatform },
    ]);
    double.addManifest('team/app', 'levels', mediaTypes.ociIndex, index);
    const { session } = openSession();
    const plain = await openRegistryImage(session, nameIn(double, 'team/app:levels'));
    expect(plain.manifest.digest).toBe(image.manifest.digest);
    expect(plain.notes).toEqual([expect.stringContaining('there is also linux/amd64/v3')]);
    const platform = { platform: v3Platform };
    const wanted = await openRegistryImage(session, nameIn(double, 'team/app:levels'), platform);
    expect(wanted.manifest.digest).toBe(v3.manifest.digest);
  });

  test('an artifact beside the image is passed by; an unknown type is not even requested', async () => {
    const double = await stocked();
    const artifact = canonicalJson({
      schemaVersion: 2,
      artifactType: 'application/vnd.example',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 },
      layers: [],
    });
    double.addManifest('team/app', 'artifact', mediaTypes.ociManifest, artifact);
    const entry = (mediaType: string, bytes: Buffer) =>
      descriptorToJson({ mediaType, digest: digestOf(bytes), sizeBytes: bytes.length });
    const manifests = [
      entry('application/xml', Buffer.from('<x/>')),
      entry(mediaTypes.ociManifest, artifact),
      entry(mediaTypes.ociManifest, image.manifestBytes),
    ];
    const put = (tag: string, some: readonly object[]) =>
      double.addManifest(
        'team/app',
        tag,
        mediaTypes.ociIndex,
        canonicalJson({ schemaVersion: 2, manifests: some }),
      );
    put('all', manifests);
    put('none', manifests.slice(0, 2));
    const { session } = openSession();
    await expectImage(await openRegistryImage(session, nameIn(double, 'team/app:all')), image);
    await expect(openRegistryImage(session, nameIn(double, 'team/app:none'))).rejects.toMatchObject({
      code: 'image',
      message: expect.stringMatching(/its type is application\/xml, application\/vnd\.example/),
    });
  });

  test('an index for other platforms only lists its platforms', async () => {
    const double = await stocked();
    double.addManifest(
      'team/app',
      'x',
      mediaTypes.ociIndex,
      indexOf([{ image: arm, platform: armPlatform }]),
    );
    await expect(
      openRegistryImage(openSession().session, nameIn(double, 'team/app:x')),
    ).rejects.toMatchObject({
      code: 'platform',
      message: expect.stringMatching(/expected an image for linux\/amd64, got linux\/arm64/),
    });
  });

  test('an entry without a platform is believed only for what its config says', async () => {
    const double = await stocked();
    await stock(double, 'team/app', 'arm', arm);
    double.addManifest('team/app', 'x', mediaTypes.ociIndex, indexOf([{ image: arm }, { image }]));
    await expectImage(await openRegistryImage(openSession().session, nameIn(double, 'team/app:x')), image);
    double.addManifest('team/app', 'y', mediaTypes.ociIndex, indexOf([{ image: arm }]));
    await expect(
      openRegistryImage(openSession().session, nameIn(double, 'team/app:y')),
    ).rejects.toMatchObject({
      code: 'platform',
    });
  });

  test('indexes inside each other end somewhere', async () => {
    const double = await stocked();
    let bytes = indexOf([{ image, platform: amdPlatform }]);
    for (let depth = 0; depth < 6; depth++) {
      double.addManifest('team/app', 'deep', mediaTypes.ociIndex, bytes);
      const entry = { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), sizeBytes: bytes.length };
      bytes = canonicalJson({ schemaVersion: 2, manifests: [descriptorToJson(entry)] });
    }
    await expect(
      openRegistryImage(openSession().session, nameIn(double, 'team/app:deep')),
    ).rejects.toMatchObject({ code: 'image', message: expect.stringMatching(/at most 4 nested indexes/) });
  });
});

describe('what the registry says is not believed', () => {
  const open = (double: RegistryDouble, rest: string) =>
    openRegistryImage(openSession().session, nameIn(double, rest));

  test('a manifest by digest with other bytes is a blob error', async () => {
    const double = await stocked();
    double.fail('GET', /manifests/, { kind: 'flip' });
    await expect(open(double, `team/app@${image.manifest.digest}`)).rejects.toMatchObject({
      code: 'blob',
      message: expect.stringMatching(/a different digest: expected sha256:/),
    });
  });

  test('a manifest by tag that differs from the digest that the registry claims is a blob error', async () => {
    const double = await stocked();
    double.fail('GET', /manifests/, { kind: 'flip' });
    await expect(open(double, 'team/app:1')).rejects.toMatchObject({ code: 'blob' });
  });

  test('a config with other bytes is a blob error', async () => {
    const double = await stocked();
    double.fail('GET', blobPath, { kind: 'flip' });
    await expect(open(double, 'team/app:1')).rejects.toMatchObject({ code: 'blob' });
  });

  test('a layer with other bytes fails when it is read to its end', async () => {
    const double = await stocked();
    const got = await open(double, 'team/app:1');
    double.fail('GET', blobPath, { kind: 'flip' });
    await expect(collectBytes(got.layers[0]?.open() ?? expect.fail())).rejects.toMatchObject({
      code: 'blob',
    });
  });

  test('an endless or huge manifest is not read', async () => {
    const double = await stocked();
    double.addManifest('team/app', 'huge', mediaTypes.ociManifest, Buffer.alloc(4 * 1024 * 1024 + 1, ' '));
    await expect(open(double, 'team/app:huge')).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(/too large: more than 4194304 bytes/),
    });
  });

  test('a config that claims to be huge is not read', async () => {
    const double = await startDouble();
    const manifest = canonicalJson({
      schemaVersion: 2,
      config: { mediaType: mediaTypes.ociConfig, digest: image.configDescriptor.digest, size: 2 ** 40 },
      layers: [],
    });
    double.addManifest('team/app', '1', mediaTypes.ociManifest, manifest);
    await expect(open(double, 'team/app:1')).rejects.toMatchObject({ code: 'image' });
  });

  test.each([
    ['not JSON', 'oops', 'image'],
    [
      'an artifact',
      JSON.stringify({
        schemaVersion: 2,
        config: { mediaType: 'application/x', digest: digestOf(''), size: 0 },
        layers: [],
      }),
      'image',
    ],
    ['schema 1', JSON.stringify({ schemaVersion: 1, fsLayers: [] }), 'image'],
    [
      'a path for a digest',
      JSON.stringify({
        schemaVersion: 2,
        config: { mediaType: mediaTypes.ociConfig, digest: '../x', size: 0 },
        layers: [],
      }),
      'image',
    ],
    ['a login page', '<html>', 'image'],
  ])('%s is an error that names the manifest', async (_, text, code) => {
    const double = await startDouble();
    double.addManifest('team/app', '1', mediaTypes.ociManifest, Buffer.from(text));
    await expect(open(double, 'team/app:1')).rejects.toMatchObject({
      code,
      subject: expect.stringContaining(`docker://${double.domain}/team/app:1`),
    });
  });

  test('more layers than diffIds is an error', async () => {
    const double = await startDouble();
    const wrong = imageOf([layers[0] as (typeof layers)[0]]);
    const manifest = canonicalJson({
      schemaVersion: 2,
      config: descriptorToJson(wrong.configDescriptor),
      layers: layers.map((layer) => descriptorToJson(layer.descriptor)),
    });
    double.addBlob('team/app', wrong.configBytes);
    double.addManifest('team/app', '1', mediaTypes.ociManifest, manifest);
    await expect(open(double, 'team/app:1')).rejects.toMatchObject({ code: 'image' });
  });
});

describe('broken downloads', () => {
  const wanted = layers[1] as (typeof layers)[1];
  const read = async (double: RegistryDouble, options = {}) => {
    const { session, pauses } = openSession(options);
    const got = await openRegistryImage(session, nameIn(double, 'team/app:1'));
    const blob = new RegExp(wanted.descriptor.digest);
    return { blob, pauses, read: () => collectBytes(got.layers[1]?.open() ?? expect.fail()) };
  };

  test('that breaks after its last byte is whole: nothing is asked for again', async () => {
    const double = await stocked();
    const got = await openRegistryImage(openSession().session, nameIn(double, 'team/app:1'));
    double.fail('GET', blobPath, { kind: 'cut-end' });
    const bytes = await collectBytes(got.layers[1]?.open() ?? expect.fail());
    expect(bytes.equals(layers[1]?.bytes ?? expect.fail())).toBe(true);
    expect(double.count('GET', new RegExp(layers[1]?.descriptor.digest ?? ''))).toBe(1);
  });

  test('a download goes on where it broke, with a range', async () => {
    const double = await stocked();
    const { blob, read: readLayer } = await read(double);
    double.fail('GET', blob, { kind: 'cut-download', bytes: 100_000 });
    double.fail('GET', blob, { kind: 'cut-download', bytes: 50_000 });
    expect((await readLayer()).equals(wanted.bytes)).toBe(true);
    const ranges = double.log.filter(({ url }) => blob.test(url)).map(({ headers }) => headers.range);
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=150000-']);
  });

  test('a registry without ranges sends the whole again, of which the rest is taken', async () => {
    const double = await stocked({ hasRange: false });
    const { blob, read: readLayer } = await read(double);
    double.fail('GET', blob, { kind: 'cut-download', bytes: 100_000 });
    expect((await readLayer()).equals(wanted.bytes)).toBe(true);
  });

  test('a download that stalls is broken off and goes on', async () => {
    const double = await stocked();
    const { blob, read: readLayer } = await read(double, { timeouts: { stallMs: 500 } });
    double.fail('GET', blob, { kind: 'stall-download', bytes: 1000 });
    expect((await readLayer()).equals(wanted.bytes)).toBe(true);
  });

  test('a range that begins elsewhere is refused', async () => {
    const double = await stocked({ contentRangeStart: 7 });
    const { blob, read: readLayer } = await read(double);
    double.fail('GET', blob, { kind: 'cut-download', bytes: 1000 });
    await expect(readLayer()).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(/expected the bytes from 1000 on, got the range "bytes 7-/),
    });
  });

  test('a download that always breaks ends with an error, after pauses that grow', async () => {
    const double = await stocked();
    const { blob, pauses, read: readLayer } = await read(double);
    double.fail('GET', blob, { kind: 'cut-download', bytes: 10 }, 100);
    await expect(readLayer()).rejects.toMatchObject({
      code: 'registry',
      subject: `${double.domain}/team/app`,
      message: expect.stringMatching(/cannot read blob sha256:[0-9a-f]{64}: the connection broke/),
    });
    expect(pauses).toEqual([500, 1000, 2000, 4000]);
  });

  test('a layer that is not there is a not-found error that names it', async () => {
    const double = await stocked();
    const { read: readLayer } = await read(double);
    double.repository('team/app').blobs.delete(wanted.descriptor.digest);
    await expect(readLayer()).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(wanted.descriptor.digest),
    });
  });

  test('a reader that stops early lets the connection go, and the next request works', async () => {
    const double = await stocked();
    const { session } = openSession();
    const got = await openRegistryImage(session, nameIn(double, 'team/app:1'));
    for await (const piece of got.layers[1]?.open() ?? expect.fail()) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    await expectImage(await openRegistryImage(session, nameIn(double, 'team/app:1')), image);
  });
});
