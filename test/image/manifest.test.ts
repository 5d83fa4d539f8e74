import { describe, expect, test } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { parseImageConfig } from '../../src/image/config.ts';
import { showPlatform } from '../../src/image/descriptor.ts';
import { parseManifest } from '../../src/image/manifest.ts';
import { mediaTypes } from '../../src/image/media-type.ts';
import { candidatesForSgx } from '../../src/image/select-platform.ts';
import { canonicalJson } from '../../src/json/canonical-json.ts';

const digest = digestOf('x');
const descriptor = { mediaType: mediaTypes.ociConfig, digest, size: 1 };
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const entry = (platform?: object) => ({ mediaType: mediaTypes.ociManifest, digest, size: 2, platform });

describe('parseManifest', () => {
  test('a manifest without a media type is known by its members', () => {
    const parsed = parseManifest(json({ schemaVersion: 2, config: descriptor, layers: [] }), 'x');
    expect(parsed).toMatchObject({ kind: 'manifest', mediaType: mediaTypes.ociManifest });
  });

  test('an index without a media type is known by its members', () => {
    const parsed = parseManifest(json({ schemaVersion: 2, manifests: [entry()] }), 'x');
    expect(parsed).toMatchObject({ kind: 'index', mediaType: mediaTypes.ociIndex });
  });

  test('the media type inside the document counts more than the declared one', () => {
    const bytes = json({
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifest,
      config: descriptor,
      layers: [],
    });
    expect(parseManifest(bytes, 'x', mediaTypes.ociManifest).mediaType).toBe(mediaTypes.dockerManifest);
  });

  test.each([
    ['no JSON', Buffer.from('{'), /not JSON/],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), /not JSON/],
    ['a string', json('x'), /expected an object, got a text/],
    ['null', json(null), /expected an object, got null/],
    ['an object of another kind', json({ name: 'x' }), /JSON of another kind/],
    ['schema version 1', json({ schemaVersion: 1, fsLayers: [] }), /schema version 1/],
    ['a missing config', json({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, layers: [] }), /config/],
    [
      'a digest of another kind',
      json({ schemaVersion: 2, config: { ...descriptor, digest: 'md5:00' }, layers: [] }),
      /sha256/,
    ],
    ['a negative size', json({ schemaVersion: 2, config: { ...descriptor, size: -1 }, layers: [] }), /size/],
    [
      'a size with a fraction',
      json({ schemaVersion: 2, config: { ...descriptor, size: 1.5 }, layers: [] }),
      /size/,
    ],
  ])('%s is an image error that names the subject', (_name, bytes, message) => {
    expect(() => parseManifest(bytes, 'subject-1')).toThrow(message);
    expect(() => parseManifest(bytes, 'subject-1')).toThrow(/^subject-1: /);
  });
});

describe('candidatesForSgx', () => {
  const choose = (...platforms: (object | undefined)[]) => {
    const index = parseManifest(json({ schemaVersion: 2, manifests: platforms.map(entry) }), 'x');
    if (index.kind !== 'index') throw new Error('not an index');
    return candidatesForSgx(index.manifests).map(({ platform }) => platform && showPlatform(platform));
  };

  test('linux/amd64 is chosen among several', () => {
    expect(choose({ os: 'linux', architecture: 'arm64' }, { os: 'linux', architecture: 'amd64' })).toEqual([
      'linux/amd64',
    ]);
  });

  test('entries without a platform come after those that name it', () => {
    expect(choose(undefined, { os: 'linux', architecture: 'amd64' })).toEqual(['linux/amd64', undefined]);
  });

  test('an empty platform is none', () => {
    expect(choose({}, { os: '', architecture: '' })).toEqual([undefined, undefined]);
  });
});

describe('parseImageConfig', () => {
  test('null and missing members are the same to a reader, and unknown ones are kept', () => {
    const config = parseImageConfig(
      json({ config: { Entrypoint: null, Foo: 1 }, rootfs: { type: 'layers', diff_ids: [digest] }, bar: 2 }),
      'x',
    );
    expect(config.config?.Entrypoint ?? []).toEqual([]);
    expect(config).toMatchObject({ bar: 2, config: { Foo: 1 } });
  });

  test('keys in another case are the same keys, and numbers that no double holds stay', () => {
    const text = `{"CONFIG":{"entrypoint":["/b"],"Entrypoint":["/a"],"healthcheck":{"interval":9223372036854775807},"stoptimeout":5},"Rootfs":{"type":"layers"},"OS":"linux","os.VERSION":"1"}`;
    const config = parseImageConfig(Buffer.from(text), 'x');
    expect(canonicalJson(config).toString()).toBe(
      '{"config":{"Entrypoint":["/a"],"Healthcheck":{"Interval":9223372036854775807},"StopTimeout":5},"os":"linux","os.version":"1","rootfs":{"type":"layers"}}',
    );
  });

  test.each([
    ['no rootfs', {}, /rootfs/],
    ['a diff id that is no digest', { rootfs: { type: 'layers', diff_ids: ['x'] } }, /sha256/],
    [
      'an entrypoint that is a string',
      { config: { Entrypoint: '/app' }, rootfs: { type: 'layers' } },
      /config\.Entrypoint: expected an array of texts, got a text/,
    ],
    ['an environment of numbers', { config: { Env: [1] }, rootfs: { type: 'layers' } }, /Env/],
  ])('%s is an image error', (_name, value, message) => {
    expect(() => parseImageConfig(json(value), 'cfg')).toThrow(message);
  });
});
