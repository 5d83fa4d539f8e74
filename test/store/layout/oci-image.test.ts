import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Digest, digestOf } from '../../../src/base/digest.ts';
import type { Platform } from '../../../src/image/descriptor.ts';
import type { Image } from '../../../src/image/image.ts';
import { mediaTypes } from '../../../src/image/media-type.ts';
import { openImage } from '../../../src/store/open-image.ts';
import {
  blobsOf,
  bytesOf,
  entryOf,
  hexDigest,
  imageOf,
  indexOf,
  layerOf,
  sampleImage,
  sampleTar,
  tagged,
  writeInto,
  writeLayout,
} from '../../support/store/sample.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';

const scratch = scratchDirectory();
let directory = '';
let count = 0;

beforeEach(() => {
  directory = join(scratch, String(count++));
  mkdirSync(directory);
});

const amd64 = { platform: { os: 'linux', architecture: 'amd64' } };
const arm64 = { platform: { os: 'linux', architecture: 'arm64' } };
const image = sampleImage(['a', 'b']);
const armImage = sampleImage(['arm'], { architecture: 'arm64' });

async function layoutWith(
  images: readonly Image[],
  index: unknown,
  extra: readonly Buffer[] = [],
): Promise<void> {
  const blobs = await Promise.all(images.map(blobsOf));
  writeLayout(directory, [...blobs.flat(), ...extra], { 'index.json': index });
}

function open(tag?: string, options: { digest?: Digest; platform?: Platform } = {}) {
  const { digest, ...others } = options;
  return openImage(
    { kind: 'oci', path: directory, ...(tag !== undefined && { tag }), ...(digest && { digest }) },
    others,
  );
}

async function refusal(
  tag?: string,
  options: Parameters<typeof open>[1] = {},
): Promise<{ code: string; message: string; hint: string | undefined }> {
  try {
    const opened = await open(tag, options);
    for (const layer of opened.layers) await bytesOf(layer.open());
  } catch (error) {
    return error as { code: string; message: string; hint: string | undefined };
  }
  throw new Error('expected an error');
}

describe('an OCI layout', () => {
  test('gives the only image without a tag, with its exact bytes', async () => {
    await layoutWith([image], indexOf(entryOf(image.manifestBytes, tagged('v1'))));
    const opened = await open();
    expect(opened.name).toBe(`oci:${directory}`);
    expect(opened.names).toEqual(['v1']);
    expect(opened.manifest).toEqual(image.manifest);
    expect(opened.manifestBytes).toEqual(image.manifestBytes);
    expect(opened.configDescriptor).toEqual(image.configDescriptor);
    expect(opened.layers.map(({ descriptor, diffId }) => ({ descriptor, diffId }))).toEqual(
      image.layers.map(({ descriptor, diffId }) => ({ descriptor, diffId })),
    );
    for (const [i, layer] of opened.layers.entries()) {
      expect(await bytesOf(layer.open())).toEqual(await bytesOf((image.layers[i] as typeof layer).open()));
    }
  });

  test('gives the image with the tag, of several', async () => {
    const other = sampleImage(['c']);
    const index = indexOf(
      entryOf(other.manifestBytes, tagged('v2')),
      entryOf(image.manifestBytes, tagged('v1')),
    );
    await layoutWith([image, other], index);
    expect((await open('v1')).manifest.digest).toBe(image.manifest.digest);
    expect((await open('v2')).manifest.digest).toBe(other.manifest.digest);
    expect(await refusal()).toMatchObject({ code: 'usage', message: expect.stringContaining('v2, v1') });
    expect(await refusal('v3')).toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('v2, v1'),
    });
  });

  test('finds an image by the full name that containerd writes', async () => {
    const annotations = {
      'io.containerd.image.name': 'docker.io/library/app:1',
      'org.opencontainers.image.ref.name': '1',
    };
    const other = sampleImage(['c']);
    const otherNames = { ...annotations, 'io.containerd.image.name': 'quay.io/app:1' };
    const index = indexOf(
      entryOf(image.manifestBytes, { annotations }),
      entryOf(other.manifestBytes, { annotations: otherNames }),
    );
    await layoutWith([image, other], index);
    expect((await open('app:1')).manifest.digest).toBe(image.manifest.digest);
    expect((await open('quay.io/app:1')).manifest.digest).toBe(other.manifest.digest);
    expect(await refusal('1')).toMatchObject({
      code: 'usage',
      message: expect.stringContaining('tag 1, got 2: docker.io/library/app:1, quay.io/app:1'),
      hint: expect.stringContaining('one of these names'),
    });
  });

  test('two images under one tag are named by their digests', async () => {
    const other = sampleImage(['c']);
    const index = indexOf(
      entryOf(image.manifestBytes, tagged('v1')),
      entryOf(other.manifestBytes, tagged('v1')),
    );
    await layoutWith([image, other], index);
    const { code, message, hint } = await refusal('v1');
    expect(code).toBe('usage');
    for (const { manifest } of [image, other]) expect(message).toContain(manifest.digest);
    expect(hint).toContain(`oci:${directory}@${image.manifest.digest}`);
    for (const { manifest } of [image, other]) {
      expect((await open(undefined, { digest: manifest.digest })).manifest.digest).toBe(manifest.digest);
      expect((await open('v1', { digest: manifest.digest })).names).toEqual(['v1']);
    }
  });

  test('an image inside an index is named by its digest, and the index too', async () => {
    const inner = Buffer.from(
      JSON.stringify(indexOf(entryOf(armImage.manifestBytes), entryOf(image.manifestBytes))),
    );
    await layoutWith([image, armImage], indexOf(entryOf(inner, { mediaType: mediaTypes.ociIndex })), [inner]);
    for (const bytes of [image.manifestBytes, inner]) {
      expect((await open(undefined, { digest: digestOf(bytes) })).manifest.digest).toBe(
        image.manifest.digest,
      );
    }
    expect(await refusal(undefined, { digest: armImage.manifest.digest })).toMatchObject({
      code: 'platform',
    });
    expect(await refusal(undefined, { digest: image.configDescriptor.digest })).toMatchObject({
      code: 'image',
    });
    expect(await refusal(undefined, { digest: digestOf('x') })).toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(digestOf('x')),
    });
  });

  test('one image under two tags needs no choice', async () => {
    const index = indexOf(
      entryOf(image.manifestBytes, tagged('v1')),
      entryOf(image.manifestBytes, tagged('v2')),
    );
    await layoutWith([image], index);
    expect((await open()).names).toEqual(['v1', 'v2']);
  });

  test('an index gives the image for linux/amd64, attestations are left out', async () => {
    const attestation = Buffer.from(JSON.stringify({ schemaVersion: 2, config: {}, layers: [] }));
    const inner = Buffer.from(
      JSON.stringify(
        indexOf(
          entryOf(attestation, { platform: { os: 'unknown', architecture: 'unknown' } }),
          entryOf(attestation, { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } }),
          entryOf(armImage.manifestBytes, arm64),
          entryOf(image.manifestBytes, amd64),
        ),
      ),
    );
    await layoutWith(
      [image, armImage],
      indexOf(entryOf(inner, { mediaType: mediaTypes.ociIndex, ...tagged('v1') })),
      [inner, attestation],
    );
    expect((await open('v1')).manifest.digest).toBe(image.manifest.digest);
  });

  test('indexes may be nested, and entries without a platform are tried in turn', async () => {
    const inner = Buffer.from(
      JSON.stringify(indexOf(entryOf(armImage.manifestBytes), entryOf(image.manifestBytes))),
    );
    const middle = Buffer.from(
      JSON.stringify(indexOf(entryOf(inner, { mediaType: mediaTypes.dockerIndex }))),
    );
    await layoutWith([image, armImage], indexOf(entryOf(middle, { mediaType: mediaTypes.ociIndex })), [
      inner,
      middle,
    ]);
    expect((await open()).manifest.digest).toBe(image.manifest.digest);
  });

  test('untagged entries for several platforms are one image', async () => {
    await layoutWith(
      [image, armImage],
      indexOf(entryOf(armImage.manifestBytes, arm64), entryOf(image.manifestBytes, amd64)),
    );
    expect((await open()).manifest.digest).toBe(image.manifest.digest);
  });

  test('an image for another platform is refused, whether the index or only the config says so', async () => {
    await layoutWith(
      [armImage],
      indexOf(
        entryOf(armImage.manifestBytes, { ...arm64, ...tagged('said') }),
        entryOf(armImage.manifestBytes, { ...amd64, ...tagged('lied') }),
        entryOf(armImage.manifestBytes, tagged('silent')),
      ),
    );
    for (const tag of ['said', 'lied', 'silent']) {
      expect(await refusal(tag)).toMatchObject({
        code: 'platform',
        message: expect.stringContaining('linux/arm64'),
      });
    }
  });

  describe('for several levels of amd64', () => {
    const levels = ['v4', 'v3', undefined, 'v2'].map((variant) => ({
      variant,
      made: sampleImage([`level ${variant}`], { variant: variant ?? '' }),
    }));
    const layoutOf = (...variants: readonly (string | undefined)[]) => {
      const entries = variants.map((variant) => {
        const { made } = levels.find((level) => level.variant === variant) ?? expect.fail();
        return entryOf(made.manifestBytes, { platform: { ...amd64.platform, ...(variant && { variant }) } });
      });
      return layoutWith(
        levels.map(({ made }) => made),
        indexOf(...entries),
      );
    };
    const taken = async (platform?: Platform) => {
      const opened = await open(undefined, { ...(platform && { platform }) });
      return { variant: opened.config.variant || undefined, notes: opened.notes };
    };
    const wanted = (variant: string): Platform => ({ os: 'linux', architecture: 'amd64', variant });

    test('the plainest is taken, wherever it stands, and a note says so', async () => {
      await layoutOf('v3', undefined, 'v2');
      expect(await taken()).toEqual({
        variant: undefined,
        notes: [
          'took the image for linux/amd64; there is also linux/amd64/v3, linux/amd64/v2 (see --platform)',
        ],
      });
      await layoutOf('v4', 'v3');
      expect((await taken()).variant).toBe('v3');
    });

    test.each([
      ['v2', 'v2'],
      ['v3', 'v3'],
      ['v4', 'v4'],
    ])('%s is taken where it is wanted', async (level, variant) => {
      await layoutOf('v4', 'v3', undefined, 'v2');
      expect((await taken(wanted(level))).variant).toBe(variant);
    });

    test('the highest up to the wanted one is taken, and none above it', async () => {
      await layoutOf('v4', undefined, 'v2');
      expect((await taken(wanted('v3'))).variant).toBe('v2');
      await layoutOf('v4', 'v3');
      expect(await refusal(undefined, { platform: wanted('v2') })).toMatchObject({
        code: 'platform',
        message: expect.stringContaining('linux/amd64/v2, got linux/amd64/v4, linux/amd64/v3'),
      });
    });

    test('one that is alone is taken, with a note; a plain one that is alone needs none', async () => {
      await layoutOf('v3');
      expect(await taken()).toEqual({
        variant: 'v3',
        notes: ['took the image for linux/amd64/v3, the only one for linux/amd64'],
      });
      await layoutOf(undefined);
      expect((await taken()).notes).toEqual([]);
    });
  });

  test.each(['x86_64', 'X86-64', 'AMD64'])('the architecture %s is amd64', async (architecture) => {
    const odd = sampleImage(['odd'], { architecture });
    const platform = { os: 'Linux', architecture, variant: 'v1' };
    await layoutWith(
      [odd, armImage],
      indexOf(entryOf(armImage.manifestBytes, arm64), entryOf(odd.manifestBytes, { platform })),
    );
    expect((await open()).manifest.digest).toBe(odd.manifest.digest);
  });

  describe('with artifacts beside the image', () => {
    const bundle = 'application/vnd.dev.sigstore.bundle.v0.3+json';
    const empty = Buffer.from('{}');
    const emptyEntry = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(empty), size: 2 };
    const artifact = Buffer.from(
      JSON.stringify({ schemaVersion: 2, artifactType: bundle, config: emptyEntry, layers: [emptyEntry] }),
    );
    const chart = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        config: { ...emptyEntry, mediaType: 'application/vnd.cncf.helm.config.v1+json' },
        layers: [],
      }),
    );
    const foreign = { mediaType: 'application/xml', digest: digestOf('<x/>'), size: 4 };
    const extra = [artifact, chart, empty];

    test.each([
      ['before it', [entryOf(artifact), entryOf(image.manifestBytes)]],
      ['behind it', [entryOf(image.manifestBytes), entryOf(artifact), entryOf(chart)]],
      ['of a type that nobody knows, and not even there', [foreign, entryOf(image.manifestBytes)]],
      [
        'for another platform and none',
        [entryOf(artifact), entryOf(image.manifestBytes, amd64), entryOf(armImage.manifestBytes, arm64)],
      ],
    ])('%s: the image is taken', async (_, entries) => {
      await layoutWith([image, armImage], indexOf(...entries), extra);
      expect((await open()).manifest.digest).toBe(image.manifest.digest);
    });

    test('under the same tag: the image is taken', async () => {
      await layoutWith(
        [image],
        indexOf(entryOf(artifact, tagged('v1')), entryOf(image.manifestBytes, tagged('v1'))),
        extra,
      );
      expect((await open('v1')).manifest.digest).toBe(image.manifest.digest);
    });

    test('in its own index: the image is taken', async () => {
      const inner = Buffer.from(JSON.stringify(indexOf(entryOf(artifact), entryOf(chart))));
      const outer = Buffer.from(
        JSON.stringify(
          indexOf(entryOf(inner, { mediaType: mediaTypes.ociIndex }), entryOf(image.manifestBytes)),
        ),
      );
      await layoutWith([image], indexOf(entryOf(outer, { mediaType: mediaTypes.ociIndex })), [
        ...extra,
        inner,
        outer,
      ]);
      expect((await open()).manifest.digest).toBe(image.manifest.digest);
    });

    test('and no image: they are named', async () => {
      await layoutWith([], indexOf(entryOf(artifact), entryOf(chart), foreign), extra);
      const { code, message } = await refusal();
      expect(code).toBe('image');
      for (const type of [bundle, 'cncf.helm', 'application/xml']) expect(message).toContain(type);
    });
  });

  test.each([
    ['a manifest with manifests', { manifests: [] }, {}],
    ['a manifest with MANIFESTS', { MANIFESTS: [] }, {}],
    ['a manifest with the layers of schema version 1', { fsLayers: [], history: [] }, {}],
    ['a manifest that is listed as an index', {}, { mediaType: mediaTypes.ociIndex }],
  ])('%s is refused as ambiguous', async (_, members, entry) => {
    const bytes = Buffer.from(JSON.stringify({ ...JSON.parse(image.manifestBytes.toString()), ...members }));
    await layoutWith([image], indexOf(entryOf(bytes, entry)), [bytes]);
    expect(await refusal()).toMatchObject({ code: 'image', message: expect.stringContaining('ambiguous') });
  });

  test('an index with layers or a config is refused as ambiguous', async () => {
    for (const members of [{ layers: [] }, { config: {} }, { LAYERS: [] }]) {
      await layoutWith([image], { ...indexOf(entryOf(image.manifestBytes)), ...members });
      expect(await refusal()).toMatchObject({ code: 'image', message: expect.stringContaining('ambiguous') });
    }
  });

  test('documents with their keys in another case are read, of two keys the last', async () => {
    const { config, layers } = JSON.parse(image.manifestBytes.toString());
    const odd = Buffer.from(
      `{"SchemaVersion":2,"layers":[],"Config":${JSON.stringify(config)},"LAYERS":${JSON.stringify(layers)}}`,
    );
    const index = JSON.stringify(indexOf(entryOf(odd)))
      .replace('manifests', 'Manifests')
      .replace('"digest"', '"Dige\u017ft"');
    await layoutWith([image], index, [odd]);
    expect((await open()).layers.map(({ descriptor }) => descriptor)).toEqual(
      image.layers.map(({ descriptor }) => descriptor),
    );
  });

  test('a config without a platform passes', async () => {
    const old = sampleImage(['old'], { os: '', architecture: null });
    await layoutWith([old], indexOf(entryOf(old.manifestBytes)));
    expect((await open()).manifest.digest).toBe(old.manifest.digest);
  });

  test.each([
    ['no index.json', undefined, 'archive', 'index.json'],
    ['broken JSON', '{"schemaVersion":2,', 'image', 'index.json'],
    ['JSON of another kind', '[]', 'image', 'index.json'],
    ['a manifest for an index', image.manifestBytes, 'image', 'index.json'],
    ['schema version 1', { schemaVersion: 1, manifests: [] }, 'image', 'index.json'],
    ['no image', indexOf(), 'not-found', 'no image'],
    [
      'an entry without a digest',
      { ...indexOf(), manifests: [{ mediaType: 'x', size: 1 }] },
      'image',
      'digest',
    ],
    [
      'a digest that leaves the layout',
      indexOf({ ...entryOf(Buffer.from('x')), digest: 'sha256:../../index.json' }),
      'image',
      'digest',
    ],
    [
      'a missing manifest',
      indexOf(entryOf(Buffer.from('missing'))),
      'blob',
      hexDigest(Buffer.from('missing')),
    ],
    [
      'a size that is wrong',
      indexOf({ ...entryOf(image.manifestBytes), size: 3 }),
      'blob',
      'expected 3 bytes',
    ],
    ['a negative size', indexOf({ ...entryOf(image.manifestBytes), size: -1 }), 'image', 'size'],
  ])('with %s is refused', async (_, index, code, text) => {
    await layoutWith([image], index);
    const error = await refusal();
    expect(error).toMatchObject({ code, message: expect.stringContaining(text) });
    expect(error.message).toContain(directory);
  });

  test('of a version that is not known is refused', async () => {
    await layoutWith([image], indexOf(entryOf(image.manifestBytes)));
    writeInto(directory, 'oci-layout', Buffer.from('{"imageLayoutVersion":"2.0.0"}'));
    expect(await refusal()).toMatchObject({ code: 'archive', message: expect.stringContaining('2.0.0') });
    writeInto(directory, 'oci-layout', Buffer.from('no json'));
    expect(await refusal()).toMatchObject({ code: 'image' });
  });

  test('a document that is too large to be one is refused without being read', async () => {
    writeLayout(directory, [], { 'index.json': Buffer.alloc(33 * 2 ** 20) });
    expect(await refusal()).toMatchObject({ code: 'archive', message: expect.stringContaining('at most') });
  });

  test.each([
    ['a chart', { config: { mediaType: 'application/vnd.cncf.helm.config.v1+json' } }, 'helm'],
    ['an empty config', { config: { mediaType: 'application/vnd.oci.empty.v1+json' } }, 'oci.empty'],
    ['layers that are no file system', { layer: { mediaType: 'application/vnd.in-toto+json' } }, 'in-toto'],
    ['encrypted layers', { layer: { mediaType: `${mediaTypes.ociLayerGzip}+encrypted` } }, 'encrypted'],
  ])(
    'an artifact with %s is refused as no image',
    async (_, change: { config?: object; layer?: object }, text) => {
      const manifest = JSON.parse(image.manifestBytes.toString());
      Object.assign(manifest.config, change.config);
      Object.assign(manifest.layers[0], change.layer);
      const bytes = Buffer.from(JSON.stringify(manifest));
      await layoutWith([image], indexOf(entryOf(bytes)), [bytes]);
      expect(await refusal()).toMatchObject({ code: 'image', message: expect.stringContaining(text) });
    },
  );

  test('a foreign layer that is kept elsewhere is named with its address', async () => {
    const manifest = JSON.parse(image.manifestBytes.toString());
    Object.assign(manifest.layers[0], {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: digestOf('elsewhere'),
      urls: ['https://example.com/layer'],
    });
    const bytes = Buffer.from(JSON.stringify(manifest));
    await layoutWith([image], indexOf(entryOf(bytes)), [bytes]);
    expect(await refusal()).toMatchObject({
      code: 'blob',
      message: expect.stringContaining('https://example.com/layer'),
    });
  });

  test('with fewer layers than diff_ids is refused', async () => {
    const odd = imageOf([layerOf(sampleTar('a'))]);
    const manifest = JSON.parse(odd.manifestBytes.toString());
    manifest.layers = [];
    const bytes = Buffer.from(JSON.stringify(manifest));
    await layoutWith([odd], indexOf(entryOf(bytes)), [bytes]);
    expect(await refusal()).toMatchObject({
      code: 'image',
      message: expect.stringContaining('diff_ids, 1, got 0'),
    });
  });

  test('a missing layer is found when the image is opened', async () => {
    await layoutWith([image], indexOf(entryOf(image.manifestBytes)));
    const [, layer] = image.layers;
    rmSync(join(directory, 'blobs/sha256', layer?.descriptor.digest.slice(7) ?? ''));
    await expect(open()).rejects.toMatchObject({
      code: 'blob',
      message: expect.stringContaining(layer?.descriptor.digest ?? '-'),
    });
  });

  test('a blob with any byte flipped, cut or added gives an error that names it', async () => {
    await layoutWith([image], indexOf(entryOf(image.manifestBytes)));
    const blobs = await blobsOf(image);
    const damage = fc.tuple(
      fc.nat(blobs.length - 1),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.constantFrom('flip', 'cut', 'add'),
    );
    await fc.assert(
      fc.asyncProperty(damage, async ([which, where, mask, how]) => {
        const blob = blobs[which] as Buffer;
        const path = `blobs/sha256/${hexDigest(blob)}`;
        writeInto(directory, path, damaged(blob, where % blob.length, mask, how));
        expect(await refusal()).toMatchObject({
          code: 'blob',
          message: expect.stringContaining(hexDigest(blob)),
        });
        writeInto(directory, path, blob);
      }),
    );
  });

  test('a directory that is missing, is a file or cannot be read is named', async () => {
    const path = join(directory, 'x');
    await expect(openImage({ kind: 'oci', path })).rejects.toMatchObject({
      code: 'not-found',
      subject: path,
    });
    writeFileSync(path, '');
    await expect(openImage({ kind: 'oci', path })).rejects.toMatchObject({
      code: 'archive',
      hint: expect.stringContaining('oci-archive:'),
    });
    await expect(openImage({ kind: 'oci', path: join(path, 'y') })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  test.skipIf(process.getuid?.() === 0)('without permission to read it is unreadable', async () => {
    await layoutWith([image], indexOf(entryOf(image.manifestBytes)));
    chmodSync(join(directory, 'index.json'), 0);
    expect(await refusal()).toMatchObject({ code: 'unreadable' });
  });
});

function damaged(blob: Buffer, where: number, mask: number, how: string): Buffer {
  if (how === 'cut') return blob.subarray(0, where);
  const copy = Buffer.from(blob);
  copy[where] = (copy[where] as number) ^ mask;
  return how === 'add' ? Buffer.concat([blob, copy.subarray(0, 1)]) : copy;
}
