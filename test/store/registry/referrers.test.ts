import { describe, expect, test } from 'vitest';
import { assembleArtifact, type StoredArtifact } from '../../../src/image/artifact.ts';
import type { Image } from '../../../src/image/image.ts';
import { parseImageName } from '../../../src/reference/image-name.ts';
import { RegistryReferrers } from '../../../src/store/registry/referrers.ts';
import { openRegistryWriter } from '../../../src/store/registry/registry-writer.ts';
import { imageOf, layerOf, openSession, startDouble } from '../../support/store/registry/fixture.ts';
import { startRealRegistry } from '../../support/store/registry/real-registry.ts';
import type { DoubleOptions } from '../../support/store/registry/registry-double.ts';
import { testWithTool } from '../../support/tool.ts';

const image = imageOf([layerOf('referrers', 1000)]);
const repository = { path: 'team/app' };

function artifactOf(text: string, subject: Image['manifest'] = image.manifest): StoredArtifact {
  const annotations = { 'org.example.text': text };
  return assembleArtifact({
    artifactType: 'application/example',
    subject,
    annotations,
    content: Buffer.from(text),
  });
}

async function place(domain: string) {
  const { session } = openSession();
  await openRegistryWriter(session, parseImageName(`${domain}/team/app:1`)).commit(image);
  return new RegistryReferrers(session, { ...repository, domain });
}

async function inDouble(options: DoubleOptions) {
  const double = await startDouble(options);
  return { double, referrers: await place(double.domain) };
}

const forms: readonly (readonly [string, DoubleOptions])[] = [
  ['with the referrers API', { referrersPage: 2 }],
  ['without it, under a tag', {}],
];

describe.each(forms)('artifacts in a registry %s', (_name, options) => {
  test('are listed with their types and annotations in the order in which they came, and read', async () => {
    const { referrers } = await inDouble(options);
    expect(await referrers.list(image.manifest)).toEqual([]);
    const texts = ['one', 'two', 'three', 'four', 'five'];
    for (const text of texts) {
      expect(await referrers.attach(image.manifest, artifactOf(text))).toBe('written');
    }
    const listed = await referrers.list(image.manifest);
    expect(listed.map(({ annotations }) => annotations['org.example.text'])).toEqual(texts);
    expect(new Set(listed.map(({ artifactType }) => artifactType))).toEqual(new Set(['application/example']));
    const contents = await Promise.all(listed.map((each) => referrers.read(each)));
    expect(contents.map(String)).toEqual(texts);
  });

  test('are stored once', async () => {
    const { double, referrers } = await inDouble(options);
    await referrers.attach(image.manifest, artifactOf('one'));
    const before = double.count('PUT', /manifests/);
    expect(await referrers.attach(image.manifest, artifactOf('one'))).toBe('unchanged');
    expect(double.count('PUT', /manifests/)).toBe(before);
  });

  test('belong to one image', async () => {
    const { referrers } = await inDouble(options);
    const other = imageOf([layerOf('another', 10)]).manifest;
    await referrers.attach(image.manifest, artifactOf('one'));
    expect(await referrers.list(other)).toEqual([]);
  });
});

describe('a registry', () => {
  test('that has the API gets no tag; one that has none keeps what the tag lists already, with keys that gsc does not know', async () => {
    const modern = await inDouble({ referrersPage: 10 });
    await modern.referrers.attach(image.manifest, artifactOf('one'));
    expect(modern.double.count('PUT', /manifests\/sha256-/)).toBe(0);
    const old = await inDouble({});
    const tag = image.manifest.digest.replace(':', '-');
    const foreign = {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: `sha256:${'0'.repeat(64)}`,
      size: 3,
      x: 1,
    };
    const index = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [foreign],
      y: 2,
    };
    old.double.addManifest('team/app', tag, index.mediaType, Buffer.from(JSON.stringify(index)));
    await old.referrers.attach(image.manifest, artifactOf('one'));
    const stored = JSON.parse(String(old.double.repository('team/app').manifests.get(tag)?.bytes));
    expect(stored).toMatchObject({ y: 2, manifests: [foreign, { artifactType: 'application/example' }] });
  });

  test.each([
    ['a page for people', { status: 200, headers: { 'content-type': 'text/html' }, body: '<p>welcome' }],
    ['405', { status: 405 }],
  ])('that answers the API with %s has none', async (_name, answer) => {
    const { double, referrers } = await inDouble({});
    double.fail('GET', /referrers/, { kind: 'answer', ...answer }, 10);
    await referrers.attach(image.manifest, artifactOf('one'));
    expect(await referrers.list(image.manifest)).toHaveLength(1);
  });

  test('that refuses the API says why', async () => {
    const { double, referrers } = await inDouble({ referrersPage: 10 });
    double.fail('GET', /referrers/, { kind: 'answer', status: 403 }, 10);
    await expect(referrers.list(image.manifest)).rejects.toThrow(/cannot list what refers to sha256:/);
  });

  test('that gives another content than it lists is found out', async () => {
    const { double, referrers } = await inDouble({ referrersPage: 10 });
    await referrers.attach(image.manifest, artifactOf('one'));
    const [listed] = await referrers.list(image.manifest);
    double.fail('GET', /blobs/, { kind: 'flip' }, 10);
    await expect(referrers.read(listed ?? expect.fail())).rejects.toMatchObject({ code: 'blob' });
  });

  testWithTool('docker-registry', 'of Debian has no API: the tag serves', async () => {
    const { domain } = await startRealRegistry();
    const referrers = await place(domain);
    for (const text of ['one', 'two']) await referrers.attach(image.manifest, artifactOf(text));
    const listed = await referrers.list(image.manifest);
    const contents = await Promise.all(listed.map((each) => referrers.read(each)));
    expect(contents.map(String)).toEqual(['one', 'two']);
  });
});
