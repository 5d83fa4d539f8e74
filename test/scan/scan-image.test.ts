import { describe, expect, it } from 'vitest';
import { type Digest, digestOf } from '../../src/base/digest.ts';
import { type ImagePath, imagePath } from '../../src/base/image-path.ts';
import type { Layer } from '../../src/image/image.ts';
import type { LayerIndex } from '../../src/scan/layer-index.ts';
import { readFiles } from '../../src/scan/read-files.ts';
import { scanImage } from '../../src/scan/scan-image.ts';
import type { LayerIndexStore, ScanProgress } from '../../src/scan/scan-options.ts';
import { gzipped, imageOf, layerFrom, sha256Of, tarWith } from '../support/scan/made-layers.ts';
import { rawEntry, rawPax, rawTar } from '../support/tar/raw-tar.ts';
import { linesOf } from '../support/tree/layer-stack.ts';

async function sampleImage(onOpen?: () => void) {
  const lower = await tarWith([
    ['etc/passwd', 'root:x:0:0::/:\n'],
    ['a', 'first'],
    ['usr/lib/x', 'lib'],
    ['lib', { link: 'usr/lib' }],
    ['hard', { hard: 'a' }],
  ]);
  const upper = await tarWith([
    ['a', 'other'],
    ['usr/lib/y', 'more'],
    ['usr/.wh.gone', ''],
  ]);
  const made = onOpen ? { onOpen } : {};
  return imageOf([gzipped(lower, made), layerFrom(upper, made), gzipped(lower, made)].slice(0, 2));
}

describe('scanImage', () => {
  it('lists all layers and merges them', async () => {
    const { indexes, tree } = await scanImage(await sampleImage());
    expect(indexes.map((index) => index.entries.length)).toEqual([5, 3]);
    expect(linesOf(tree).filter((line) => line.startsWith('/usr'))).toHaveLength(4);
  });

  it('reads a layer that occurs twice once', async () => {
    let opened = 0;
    const layer = layerFrom(await tarWith([['a', 'x']]), { onOpen: () => opened++ });
    const { indexes } = await scanImage(imageOf([layer, layer]));
    expect([opened, indexes.length]).toEqual([1, 2]);
  });

  it('does not read layers whose index is known, and gives new ones to the store', async () => {
    const kept = new Map<Digest, LayerIndex>();
    const indexes = {
      load: async ({ diffId }: Layer) => kept.get(diffId),
      save: async ({ diffId }: Layer, index: LayerIndex) => void kept.set(diffId, index),
    };
    const first = await scanImage(await sampleImage(), { indexes });
    const events: ScanProgress[] = [];
    let opened = 0;
    const again = await scanImage(await sampleImage(() => opened++), {
      indexes,
      onProgress: (event) => events.push(event),
    });
    expect(opened).toBe(0);
    expect(again).toEqual(first);
    expect(events.map((event) => event.kind)).toEqual(['known', 'known']);
  });

  it('reports the progress of each layer up to its size', async () => {
    const image = await sampleImage();
    const events: ScanProgress[] = [];
    await scanImage(image, { onProgress: (event) => events.push(event), concurrency: 1 });
    expect(events.map((event) => event.kind)).toEqual([
      'started',
      'bytes',
      'done',
      'started',
      'bytes',
      'done',
    ]);
    expect(events.at(-1)?.readBytes).toBe(image.layers[1]?.descriptor.sizeBytes);
  });

  it.each([1, 2, 5])('gives the same result %i layers at a time', async (concurrency) => {
    const expected = await scanImage(await sampleImage());
    expect(await scanImage(await sampleImage(), { concurrency })).toEqual(expected);
  });

  it('fails with the first error and stops reading', async () => {
    const good = layerFrom(await tarWith([['a', 'x']]));
    const bad = { ...layerFrom(await tarWith([['b', 'x']])), diffId: digestOf('other') };
    await expect(scanImage(imageOf([bad, good]))).rejects.toMatchObject({ code: 'blob' });
    await expect(scanImage(imageOf([good, bad]))).rejects.toMatchObject({ code: 'blob' });
  });

  it('fails with the error of the lowest layer, whichever was first', async () => {
    const tar = await tarWith([['a', 'x']]);
    const upper = { ...layerFrom(tar), diffId: digestOf('other') };
    let hasFailed = () => {};
    const upperHasFailed = new Promise<void>((resolve) => {
      hasFailed = resolve;
    });
    const failing = {
      ...upper,
      open: async function* () {
        yield* upper.open();
        hasFailed();
      },
    };
    const lower = layerFrom(Buffer.alloc(1024, 1));
    const slow = {
      ...lower,
      open: async function* () {
        await upperHasFailed;
        await new Promise((resolve) => setImmediate(resolve));
        yield* lower.open();
      },
    };
    await expect(scanImage(imageOf([slow, failing]))).rejects.toMatchObject({ code: 'tar' });
    await expect(scanImage(imageOf([failing, lower]))).rejects.toMatchObject({ code: 'blob' });
  });

  it('names the image and the layer of what does not merge', async () => {
    const layer = layerFrom(await tarWith([['b', { hard: 'gone' }]]));
    const image = imageOf([layerFrom(await tarWith([['a', 'x']])), layer]);
    await expect(scanImage(image)).rejects.toMatchObject({
      code: 'tree',
      subject: `${image.name}: layer ${layer.diffId}: /b`,
    });
  });

  it('warns of what engines ignore in a layer, known or not, before what tools disagree about', async () => {
    const global = rawPax({ path: 'evil', uid: '7', 'SCHILY.xattr.user.\x07': 'x' }, 'g');
    const lower = layerFrom(rawTar(global, rawEntry({ name: 'a' })));
    const upper = layerFrom(await tarWith([['l', { link: 'd' }]]));
    const top = layerFrom(await tarWith([['l/x', '']]));
    const known = new Map<string, LayerIndex>();
    const indexes: LayerIndexStore = {
      load: async ({ diffId }) => known.get(diffId),
      save: async ({ diffId }, index) => void known.set(diffId, index),
    };
    for (const _ of ['read', 'known']) {
      const { tree } = await scanImage(imageOf([lower, upper, top]), { indexes });
      expect(tree.warnings).toEqual([
        `test: layer ${lower.diffId} has a global PAX header that sets SCHILY.xattr.user.\\x07, path, uid for all entries: ignored, as container engines do`,
        expect.stringContaining(`test: layer ${top.diffId} has entries below /l (a link to d)`),
      ]);
    }
  });

  it('ends on request', async () => {
    await expect(scanImage(await sampleImage(), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
  });

  it('an image without layers is an empty tree', async () => {
    expect((await scanImage(imageOf([]))).tree.root.children.size).toBe(0);
  });
});

describe('readFiles', () => {
  const paths = (...texts: string[]) => texts.map(imagePath);

  it('gives the contents that the merged tree has, links followed', async () => {
    const image = await sampleImage();
    const { tree } = await scanImage(image);
    const contents = await readFiles(image, tree, paths('/a', '/hard', '/lib/x', '/usr/lib/y'));
    expect([...contents].map(([path, content]) => [path, content.toString()])).toEqual([
      ['/a', 'other'],
      ['/hard', 'first'],
      ['/lib/x', 'lib'],
      ['/usr/lib/y', 'more'],
    ]);
  });

  it('opens only the layers that hold the files', async () => {
    let opened = 0;
    const image = await sampleImage(() => opened++);
    const { tree } = await scanImage(image);
    opened = 0;
    await readFiles(image, tree, paths('/a'));
    expect(opened).toBe(1);
    await readFiles(image, tree, []);
    expect(opened).toBe(1);
  });

  it('takes contents that are kept elsewhere, if they are the right ones, and gives new ones there', async () => {
    let opened = 0;
    const image = await sampleImage(() => opened++);
    const { tree } = await scanImage(image);
    const kept = new Map<string, Buffer>();
    const contents = {
      load: async (sha256: string) => kept.get(sha256),
      save: async (sha256: string, content: Buffer) => void kept.set(sha256, content),
    };
    const first = await readFiles(image, tree, paths('/a', '/lib/x'), { contents });
    expect(kept.get(sha256Of('other'))?.toString()).toBe('other');
    opened = 0;
    expect(await readFiles(image, tree, paths('/a', '/lib/x'), { contents })).toEqual(first);
    expect(opened).toBe(0);
    kept.set(sha256Of('other'), Buffer.from('OTHER'));
    expect(await readFiles(image, tree, paths('/a', '/lib/x'), { contents })).toEqual(first);
    expect(opened).toBe(1);
  });

  it('takes a few files as the place has them, by their real paths, if they are the right ones', async () => {
    let opened = 0;
    const image = await sampleImage(() => opened++);
    const { tree } = await scanImage(image);
    opened = 0;
    const asked: (readonly ImagePath[])[] = [];
    const givenBy = (files: Readonly<Record<string, string>> | undefined) => ({
      ...image,
      readSingleFiles: async (wanted: readonly ImagePath[]) => {
        asked.push(wanted);
        return (
          files && new Map(Object.entries(files).map(([path, text]) => [imagePath(path), Buffer.from(text)]))
        );
      },
    });
    const right = { '/a': 'other', '/usr/lib/x': 'lib' };
    const expected = await readFiles(image, tree, paths('/a', '/lib/x'));
    opened = 0;
    expect(await readFiles(givenBy(right), tree, paths('/a', '/lib/x'))).toEqual(expected);
    expect(asked).toEqual([paths('/a', '/usr/lib/x')]);
    expect(opened).toBe(0);
    for (const wrong of [{ ...right, '/a': 'OTHER' }, { '/usr/lib/x': 'lib' }, undefined]) {
      opened = 0;
      expect(await readFiles(givenBy(wrong), tree, paths('/a', '/lib/x'))).toEqual(expected);
      expect(opened).toBeGreaterThan(0);
    }
  });

  it.each([
    ['a missing file', '/nope', 'not-found', /there is no nope/],
    ['a directory', '/usr', 'not-found', /it is a directory/],
  ])('%s is an error', async (_, path, code, message) => {
    const image = await sampleImage();
    const { tree } = await scanImage(image);
    await expect(readFiles(image, tree, paths(path))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('files that are too large together are an error', async () => {
    const image = await sampleImage();
    const { tree } = await scanImage(image);
    await expect(readFiles(image, tree, paths('/a', '/lib/x'), { limitBytes: 7 })).rejects.toThrow(
      /8 bytes, more than 7/,
    );
  });

  it('a layer that no longer has the content is an error', async () => {
    const image = await sampleImage();
    const { tree } = await scanImage(image);
    const other = layerFrom(await tarWith([['a', 'OTHER']]));
    const swapped = { ...image, layers: [image.layers[0] ?? other, other] };
    await expect(readFiles(swapped, tree, paths('/a'))).rejects.toMatchObject({ code: 'blob' });
  });
});
