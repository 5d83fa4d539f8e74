import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Image, Layer } from '../../../src/image/image.ts';
import type { OpenWriterOptions, StoreResult } from '../../../src/image/image-writer.ts';
import { openImage } from '../../../src/store/open-image.ts';
import { openWriter } from '../../../src/store/open-writer.ts';
import { filesBelow } from '../../support/files-below.ts';
import { childProgram } from '../../support/store/child.ts';
import { bytesOf, inPieces, noise, run, sampleImage, writeInto } from '../../support/store/sample.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';
import { testWithTool } from '../../support/tool.ts';

const scratch = scratchDirectory();
let parent = '';
let path = '';

beforeEach(async () => {
  parent = await mkdtemp(join(scratch, 'layout-'));
  path = join(parent, 'layout');
});

const image = sampleImage(['a', 'b']);
const other = sampleImage(['a', 'c']);

async function write(image: Image, tag?: string, options: OpenWriterOptions = {}): Promise<StoreResult> {
  const writer = await openWriter({ kind: 'oci', path, ...(tag !== undefined && { tag }) }, options);
  try {
    return await writer.commit(image);
  } finally {
    await writer.abort();
  }
}

async function digestAt(tag?: string): Promise<string> {
  const opened = await openImage({ kind: 'oci', path, ...(tag !== undefined && { tag }) });
  for (const layer of opened.layers) await bytesOf(layer.open());
  return opened.manifest.digest;
}

/** All files below a directory. */
describe('a layout', () => {
  test('is made with the image as it was, and nothing else', async () => {
    expect(await write(image, 'v1')).toEqual({ outcome: 'written', manifest: image.manifest });
    expect(await digestAt('v1')).toBe(image.manifest.digest);
    expect(filesBelow(path)).toHaveLength(2 + 2 + 2);
    expect(readFileSync(join(path, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
  });

  test('the same image again under the same name is unchanged', async () => {
    await write(image, 'v1');
    expect(await write(image, 'v1')).toMatchObject({ outcome: 'unchanged' });
    await write(image);
    expect(await write(image)).toMatchObject({ outcome: 'unchanged' });
  });

  test('another image under the same name is refused, and nothing is damaged, unless forced', async () => {
    await write(image, 'v1');
    await write(image, 'v2');
    const before = filesBelow(path).map((file) => readFileSync(file, 'latin1'));
    await expect(write(other, 'v1')).rejects.toMatchObject({
      code: 'exists',
      hint: expect.stringContaining('--force'),
    });
    expect(filesBelow(path).map((file) => readFileSync(file, 'latin1'))).toEqual(before);
    expect(await write(other, 'v1', { force: true })).toMatchObject({ outcome: 'written' });
    expect(await digestAt('v1')).toBe(other.manifest.digest);
    expect(await digestAt('v2')).toBe(image.manifest.digest);
  });

  test('an untagged image and tagged ones do not touch each other', async () => {
    await write(image, 'v1');
    await write(other);
    await expect(write(image)).rejects.toMatchObject({ code: 'exists' });
    expect(await digestAt('v1')).toBe(image.manifest.digest);
  });

  test('entries of others stay with every key', async () => {
    const foreign = {
      mediaType: 'x/y',
      digest: `sha256:${'0'.repeat(64)}`,
      size: 1,
      data: 'e30=',
      annotations: { a: 'b' },
    };
    writeInto(
      path,
      'index.json',
      Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [foreign], subject: { x: 1 } })),
    );
    await write(image, 'v1');
    const index = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8'));
    expect(index).toMatchObject({ schemaVersion: 2, subject: { x: 1 } });
    expect(index.manifests[0]).toEqual(foreign);
    expect(index.manifests).toHaveLength(2);
  });

  test('numbers that no double holds, and keys named __proto__, stay in what others wrote', async () => {
    const foreign = `{"mediaType":"x/y","digest":"sha256:${'0'.repeat(64)}","size":9223372036854775807,"annotations":{"__proto__":"p"},"__proto__":1}`;
    writeInto(path, 'index.json', Buffer.from(`{"Manifests":[${foreign}],"schemaVersion":2,"n":1.0}`));
    await write(image, 'v1');
    const text = readFileSync(join(path, 'index.json'), 'utf8');
    for (const part of ['"size":9223372036854775807', '{"__proto__":"p"}', '"__proto__":1', '"n":1.0']) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain('Manifests');
    expect(JSON.parse(text).manifests).toHaveLength(2);
  });

  test('a layout that umoci init made is empty, not damaged', async () => {
    writeInto(path, 'index.json', Buffer.from('{"schemaVersion":2,"manifests":null}'));
    await write(image, 'v1');
    expect(await digestAt('v1')).toBe(image.manifest.digest);
  });

  test('a name by digest is refused: the result has its own', async () => {
    const { digest } = image.manifest;
    for (const kind of ['oci', 'oci-archive', 'docker-archive'] as const) {
      await expect(openWriter({ kind, path, digest })).rejects.toMatchObject({ code: 'usage' });
    }
    expect(existsSync(path)).toBe(false);
  });

  test('layers that came early are not fetched again, and layers that are there not at all', async () => {
    const writer = await openWriter({ kind: 'oci', path, tag: 'v1' });
    const [first, second] = image.layers as readonly [Layer, Layer];
    expect(await writer.hasLayer(first)).toBe(false);
    expect(await bytesOf(writer.teeLayer(first, first.open()))).toEqual(await bytesOf(first.open()));
    expect(await writer.hasLayer(first)).toBe(true);
    const refuse = () => {
      throw new Error('fetched again');
    };
    await writer.commit({ ...image, layers: [{ ...first, open: refuse }, second] });
    await writer.abort();
    await write({ ...image, layers: image.layers.map((layer) => ({ ...layer, open: refuse })) }, 'v2');
    expect(await digestAt('v2')).toBe(image.manifest.digest);
  });

  test('a damaged blob that exists already is replaced by a whole one', async () => {
    await write(image, 'v1');
    const blob = join(path, 'blobs/sha256', image.layers[0]?.descriptor.digest.slice(7) ?? '');
    const bytes = readFileSync(blob);
    writeFileSync(blob, noise('damage', bytes.length));
    expect(await write(image, 'v1')).toMatchObject({ outcome: 'written' });
    expect(readFileSync(blob)).toEqual(bytes);
  });

  test('a layer of another digest, or one that breaks off, is not kept', async () => {
    const [layer] = image.layers as readonly [Layer];
    const whole = await bytesOf(layer.open());
    const writer = await openWriter({ kind: 'oci', path });
    for (const bytes of [noise('x', whole.length), whole.subarray(1), Buffer.concat([whole, whole])]) {
      await expect(bytesOf(writer.teeLayer(layer, inPieces(bytes)))).rejects.toMatchObject({ code: 'blob' });
    }
    for await (const _ of writer.teeLayer(layer, layer.open())) break;
    expect(await writer.hasLayer(layer)).toBe(false);
    expect(filesBelow(parent)).toEqual([]);
    await writer.abort();
    expect(existsSync(path)).toBe(false);
  });

  test('an error of the source comes through as it is', async () => {
    const [layer] = image.layers as readonly [Layer];
    const writer = await openWriter({ kind: 'oci', path });
    async function* failing() {
      yield Buffer.from('x');
      throw new Error('network');
    }
    await expect(bytesOf(writer.teeLayer(layer, failing()))).rejects.toThrow('network');
    await writer.abort();
  });

  test('stops on request and leaves nothing', async () => {
    const controller = new AbortController();
    const writer = await openWriter({ kind: 'oci', path }, { signal: controller.signal });
    const [layer] = image.layers as readonly [Layer];
    const reading = (async () => {
      for await (const _ of writer.teeLayer(layer, layer.open())) controller.abort();
    })();
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
    await expect(writer.commit(image)).rejects.toMatchObject({ code: 'aborted' });
    await writer.abort();
    expect(readdirSync(parent)).toEqual([]);
  });

  test.each([
    ['holds other files', () => writeInto(path, 'notes.txt', Buffer.from('x')), 'unwritable'],
    ['is a file', () => writeFileSync(path, 'x'), 'unwritable'],
    ['lies in a directory that does not exist', () => (path = join(parent, 'no/where')), 'not-found'],
    ['has a broken index', () => writeInto(path, 'index.json', Buffer.from('{')), 'image'],
  ])('that %s is refused and stays as it is', async (_, prepare, code) => {
    prepare();
    const before = filesBelow(parent);
    await expect(write(image, 'v1')).rejects.toMatchObject({ code, subject: expect.stringContaining(path) });
    expect(filesBelow(parent)).toEqual(before);
  });

  test('an empty directory of the user becomes a layout, and stays after an abort', async () => {
    mkdirSync(path);
    await (await openWriter({ kind: 'oci', path })).abort();
    expect(existsSync(path)).toBe(true);
    await write(image, 'v1');
    expect(await digestAt('v1')).toBe(image.manifest.digest);
  });

  testWithTool('skopeo umoci', 'is accepted by skopeo and umoci', async () => {
    const whole = sampleImage(['a', 'b', 'c']);
    await write(whole, 'v1');
    await write(other, 'v2');
    expect(JSON.parse(run('skopeo', 'inspect', `oci:${path}:v1`)).Digest).toBe(whole.manifest.digest);
    run('skopeo', 'copy', `oci:${path}:v1`, `dir:${parent}/dir`);
    run('umoci', 'unpack', '--rootless', '--image', `${path}:v1`, join(parent, 'bundle'));
    expect(readFileSync(join(parent, 'bundle/rootfs/data/c'))).toEqual(noise('c', 3000));
    run('umoci', 'gc', '--layout', path);
    expect(await digestAt('v2')).toBe(other.manifest.digest);
  });
});

describe('several processes', () => {
  let start: Awaited<ReturnType<typeof childProgram>>;

  beforeAll(async () => {
    start = await childProgram(
      scratch,
      `
      import { openWriter } from './src/store/open-writer.ts';
      import { imageOf, sampleImage, unfinishedLayer } from './test/support/store/sample.ts';
      const [path, seed, count, isUnfinished] = process.argv.slice(2);
      const image = isUnfinished === undefined ? undefined : imageOf([unfinishedLayer()]);
      for (let i = 0; i < Number(count); i++) {
        const writer = await openWriter({ kind: 'oci', path, tag: seed + i });
        await writer.commit(image ?? sampleImage(['shared', seed, seed + i]));
        await writer.abort();
      }
      `,
    );
  });

  test('adding tags to one layout at once lose none', async () => {
    const children = ['p', 'q', 'r'].map((seed) => start(path, seed, '8').done);
    for (const { code, output } of await Promise.all(children))
      expect({ code, output }).toEqual({ code: 0, output: '' });
    const index = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8'));
    const tags = index.manifests.map((entry: { annotations: object }) => Object.values(entry.annotations)[0]);
    expect(tags.sort()).toEqual(
      ['p', 'q', 'r'].flatMap((seed) => Array.from({ length: 8 }, (_, i) => `${seed}${i}`)).sort(),
    );
    expect(await digestAt('r7')).toBe(sampleImage(['shared', 'r', 'r7']).manifest.digest);
    expect(readdirSync(path).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  test('killed in the middle leave only temporary files, which the next one removes', async () => {
    await write(image, 'v1');
    const before = filesBelow(path);
    for (let milliseconds = 0; milliseconds <= 60; milliseconds += 20) {
      const { child, done } = start(path, 'killed', '1', 'unfinished');
      while (!readdirSync(path).some((name) => name.endsWith('.tmp')) && child.exitCode === null)
        await sleep(1);
      await sleep(milliseconds);
      child.kill('SIGKILL');
      await done;
      const left = filesBelow(path).filter((file) => !before.includes(file));
      for (const file of left) expect(file).toMatch(/\/\.gsc-[0-9a-f-]+\.tmp$/);
      await expect(digestAt('killed0')).rejects.toMatchObject({ code: 'not-found' });
    }
    expect(await digestAt('v1')).toBe(image.manifest.digest);
    await write(image, 'v1');
    expect(filesBelow(path)).toEqual(before);
  });
});
