import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { digestOf } from '../../../src/base/digest.ts';
import { GscError } from '../../../src/base/error.ts';
import type { StoredImage } from '../../../src/image/stored-image.ts';
import { parseImageName } from '../../../src/reference/image-name.ts';
import type { DockerArchiveReference } from '../../../src/reference/image-reference.ts';
import { openImage } from '../../../src/store/open-image.ts';
import {
  archiveOf,
  blobsOf,
  bytesOf,
  diffIdsOf,
  entryOf,
  hexDigest,
  imageOf,
  indexOf,
  layerOf,
  run,
  sampleTar,
  writeInto,
} from '../../support/store/sample.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';
import { run as runTool } from '../../support/tar/foreign-tool.ts';
import { testWithTool } from '../../support/tool.ts';

const scratch = scratchDirectory();
const temporaryDirectory = join(scratch, 'tmp');
let count = 0;
let file = '';

beforeEach(() => {
  file = join(scratch, `${count++}.tar`);
});
mkdirSync(temporaryDirectory);

const tars = [sampleTar('a'), sampleTar('b')] as const;
const image = imageOf(tars.map((tar) => layerOf(tar, 'none')));
const configName = `${hexDigest(image.configBytes)}.json`;
const listing = { Config: configName, RepoTags: ['app:1'], Layers: ['1/layer.tar', '2/layer.tar'] };
const contents = { '1/layer.tar': tars[0], '2/layer.tar': tars[1], [configName]: image.configBytes };

function save(files: Record<string, unknown>, links?: Parameters<typeof archiveOf>[1]): void {
  writeFileSync(file, archiveOf(files, links));
}

async function read(
  name?: string,
): Promise<{ readonly layers: readonly Buffer[]; readonly names: readonly string[] }> {
  const opened = await openImage(
    { kind: 'docker-archive', path: file, ...(name !== undefined && { name: parseImageName(name) }) },
    { temporaryDirectory },
  );
  try {
    const layers: Buffer[] = [];
    for (const layer of opened.layers) layers.push(await bytesOf(layer.open()));
    expect(opened.configBytes).toEqual(image.configBytes);
    expect(diffIdsOf(opened)).toEqual(diffIdsOf(image));
    for (const [i, { descriptor }] of opened.layers.entries()) {
      expect(descriptor).toMatchObject({
        digest: digestOf(layers[i] as Buffer),
        sizeBytes: layers[i]?.length,
      });
    }
    return { layers, names: opened.names };
  } finally {
    await opened.close();
  }
}

describe('a docker-archive', () => {
  test('of Engine 20.10 is read: config and layers as they are, names as they are listed', async () => {
    save({ ...contents, 'manifest.json': [listing], repositories: {} });
    expect(await read()).toEqual({ layers: tars, names: ['app:1'] });
    expect((await read('app:1')).layers).toEqual(tars);
    expect((await read('docker.io/library/app:1')).layers).toEqual(tars);
  });

  test('has no manifest of its own, whatever the one that stands for it', async () => {
    save({ ...contents, 'manifest.json': [listing], repositories: {} });
    const opened = await openImage({ kind: 'docker-archive', path: file });
    expect(opened.isManifestSynthesized).toBe(true);
    await opened.close();
  });

  test.each([
    ['a symbolic link', ['symlink', '../1/layer.tar']],
    ['an absolute symbolic link', ['symlink', '/1/layer.tar']],
    ['a hard link', ['hardlink', '1/layer.tar']],
    ['a hard link with a leading ./', ['hardlink', './1/layer.tar']],
  ] as const)('whose equal layers are %s to each other is read', async (_, link) => {
    const twice = imageOf([tars[0], tars[0]].map((tar) => layerOf(tar, 'none')));
    save(
      {
        '1/layer.tar': tars[0],
        'c.json': twice.configBytes,
        'manifest.json': [{ ...listing, Config: 'c.json' }],
      },
      { '2/layer.tar': link },
    );
    const opened = await openImage({ kind: 'docker-archive', path: file });
    for (const layer of opened.layers) expect(await bytesOf(layer.open())).toEqual(tars[0]);
    await opened.close();
  });

  test.each([
    ['by their compressed digest (crane)', (gz: Buffer) => `${hexDigest(gz)}.tar.gz`],
    [
      'by their compressed digest with its algorithm (kaniko)',
      (gz: Buffer) => `sha256:${hexDigest(gz)}.tar.gz`,
    ],
    ['as in an OCI layout (containerd)', (gz: Buffer) => `blobs/sha256/${hexDigest(gz)}`],
    ['anyhow', (gz: Buffer) => `layer-${gz.length}.tar`],
  ])('with compressed layers named %s gives their stored digest and size', async (_, nameOf) => {
    const stored = tars.map((tar) => gzipSync(tar));
    const Layers = stored.map(nameOf);
    const files = Object.fromEntries(stored.map((gz, i) => [Layers[i], gz]));
    save({ ...files, [configName]: image.configBytes, 'manifest.json': [{ ...listing, Layers }] });
    expect((await read()).layers).toEqual(stored);
  });

  test('with several images needs a name, and says which there are', async () => {
    const other = imageOf([layerOf(tars[0], 'none')]);
    const second = {
      Config: 'other.json',
      RepoTags: ['docker.io/library/other:latest'],
      Layers: ['1/layer.tar'],
    };
    const third = { Config: 'third.json', RepoTags: null, Layers: ['1/layer.tar'] };
    save({
      ...contents,
      'other.json': other.configBytes,
      'third.json': other.configBytes,
      'manifest.json': [listing, second, third],
    });
    await expect(read()).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/app:1.*other:latest.*third\.json/),
    });
    await expect(read('nope')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('nope'),
    });
    expect((await read('app:1')).layers).toEqual(tars);
    const opened = await openImage({ kind: 'docker-archive', path: file, name: parseImageName('other') });
    expect(opened.configDescriptor.digest).toBe(other.configDescriptor.digest);
    await opened.close();
  });

  test('with the same image listed twice needs no choice', async () => {
    save({ ...contents, 'manifest.json': [listing, { ...listing, RepoTags: ['app:2'] }] });
    expect((await read()).layers).toEqual(tars);
  });

  test('compressed as a whole with gzip is read, and the temporary file is gone', async () => {
    save({ ...contents, 'manifest.json': [listing] });
    run('gzip', file);
    file += '.gz';
    expect((await read()).layers).toEqual(tars);
    expect(readdirSync(temporaryDirectory)).toEqual([]);
  });

  testWithTool('zstd', 'compressed as a whole with zstd is read', async () => {
    save({ ...contents, 'manifest.json': [listing] });
    run('zstd', '-q', '--rm', file);
    file += '.zst';
    expect((await read()).layers).toEqual(tars);
  });

  for (const program of ['xz', 'bzip2']) {
    testWithTool(program, `compressed with ${program} is read`, async () => {
      save({ ...contents, 'manifest.json': [listing] });
      run(program, file);
      file += { xz: '.xz', bzip2: '.bz2' }[program];
      expect(await read()).toEqual({ layers: tars, names: ['app:1'] });
    });

    testWithTool(program, `with a layer in ${program} has the tar in it as its layer`, async () => {
      const layer = runTool(program, ['--stdout'], tars[0]);
      save({ ...contents, 'manifest.json': [listing], '1/layer.tar': layer });
      expect((await read()).layers).toEqual(tars);
      save({ ...contents, 'manifest.json': [listing], '2/layer.tar': layer });
      await expect(read()).rejects.toMatchObject({
        code: 'blob',
        message: expect.stringContaining(`the layer 2/layer.tar has different content: expected the diffId`),
      });
    });
  }

  testWithTool('tar', 'packed by GNU tar with links, long names and ./ before names is read', async () => {
    const directory = join(scratch, 'unpacked');
    const long = 'd'.repeat(120);
    for (const [name, content] of Object.entries(contents))
      writeInto(directory, name.replace('2/', `${long}/`), content);
    mkdirSync(join(directory, '3'));
    symlinkSync('../1/layer.tar', join(directory, '3/layer.tar'));
    run('ln', join(directory, `${long}/layer.tar`), join(directory, '4.tar'));
    writeInto(
      directory,
      'manifest.json',
      Buffer.from(JSON.stringify([{ ...listing, Layers: ['3/layer.tar', '4.tar'] }])),
    );
    for (const format of ['gnu', 'posix', 'pax', 'oldgnu']) {
      run('tar', '-C', directory, `--format=${format}`, '-cf', file, '.');
      expect((await read()).layers).toEqual(tars);
    }
  });

  test.each([
    ['no manifest.json', { 'index.json': {} }, 'archive', 'manifest.json'],
    ['broken JSON', { 'manifest.json': '[{' }, 'image', 'manifest.json'],
    ['an object for the list', { 'manifest.json': {} }, 'image', 'manifest.json'],
    ['an entry without a config', { 'manifest.json': [{ Layers: [] }] }, 'image', 'Config'],
    ['an empty list', { 'manifest.json': [] }, 'not-found', 'no image'],
    [
      'a config that is missing',
      { 'manifest.json': [{ ...listing, Config: 'gone.json' }] },
      'blob',
      'gone.json',
    ],
    [
      'a layer that is missing',
      { 'manifest.json': [{ ...listing, Layers: ['1/layer.tar', 'gone.tar'] }] },
      'blob',
      'gone.tar',
    ],
    [
      'fewer layers than diff_ids',
      { 'manifest.json': [{ ...listing, Layers: ['1/layer.tar'] }] },
      'image',
      'diff_ids, 2, got 1',
    ],
    ['no layers', { 'manifest.json': [{ ...listing, Layers: null }] }, 'image', 'diff_ids, 2, got 0'],
    [
      'layers in the wrong order',
      { 'manifest.json': [{ ...listing, Layers: ['2/layer.tar', '1/layer.tar'] }] },
      'blob',
      hexDigest(tars[0]),
    ],
    [
      'a config that is a layer',
      { 'manifest.json': [{ ...listing, Config: '1/layer.tar' }] },
      'image',
      'not JSON',
    ],
    [
      'a config without rootfs',
      { 'manifest.json': [{ ...listing, Config: 'c' }], c: { os: 'linux' } },
      'image',
      'rootfs',
    ],
    [
      'a config for Windows',
      {
        'manifest.json': [{ ...listing, Config: 'c' }],
        c: { os: 'windows', architecture: 'amd64', rootfs: { type: 'layers' } },
      },
      'platform',
      'windows/amd64',
    ],
    [
      'a damaged xz layer',
      { 'manifest.json': [listing], '1/layer.tar': Buffer.from('\xfd7zXZ\0 and more', 'latin1') },
      'tar',
      hexDigest(tars[0]),
    ],
    [
      'a compressed layer of other content',
      { 'manifest.json': [listing], '1/layer.tar': gzipSync('other') },
      'blob',
      hexDigest(tars[0]),
    ],
    [
      'a damaged compressed layer',
      { 'manifest.json': [listing], '1/layer.tar': gzipSync(tars[0]).subarray(0, 500) },
      'tar',
      hexDigest(tars[0]),
    ],
  ])('with %s is refused', async (_, files: Record<string, unknown>, code, text) => {
    save({ ...contents, ...files });
    await expect(read()).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  });

  test.each([
    [
      'a cycle of links',
      { '1/layer.tar': ['symlink', '../2/layer.tar'], '2/layer.tar': ['symlink', '../1/layer.tar'] },
    ],
    [
      'a link that leads nowhere',
      { '1/layer.tar': ['hardlink', 'gone'], '2/layer.tar': ['symlink', '../../../etc/passwd'] },
    ],
  ] as const)('with %s is refused as a missing layer', async (_, links) => {
    save({ [configName]: image.configBytes, 'manifest.json': [listing] }, links);
    await expect(read()).rejects.toMatchObject({
      code: 'blob',
      message: expect.stringContaining('1/layer.tar is missing'),
    });
  });

  test.each([
    ['an empty file', Buffer.alloc(0)],
    ['a file shorter than a header', Buffer.from('hello')],
    ['text', Buffer.from('hello\n'.repeat(500))],
    ['gzip of text', gzipSync('hello\n'.repeat(500))],
    ['gzip cut short', gzipSync(archiveOf({ ...contents, 'manifest.json': [listing] })).subarray(0, 2000)],
    ['a tar cut short inside an entry', archiveOf(contents).subarray(0, 3000)],
    ['a tar cut short inside a header', archiveOf(contents).subarray(0, 5700)],
  ])('%s is not an archive', async (_, bytes) => {
    writeFileSync(file, bytes);
    await expect(read()).rejects.toMatchObject({
      code: 'archive',
      hint: expect.stringContaining('docker save'),
    });
  });

  test('that is missing, a directory or a pipe is named', async () => {
    await expect(read()).rejects.toMatchObject({ code: 'not-found', subject: file });
    mkdirSync(file);
    await expect(read()).rejects.toMatchObject({ code: 'archive', hint: expect.stringContaining('oci:') });
    file = '/dev/null';
    await expect(read()).rejects.toMatchObject({
      code: 'archive',
      message: expect.stringContaining('no regular file'),
    });
  });

  test('any flipped byte of a layer gives an error that names the blob', async () => {
    const files = { ...contents, 'manifest.json': [listing] };
    const whole = archiveOf(files);
    await fc.assert(
      fc.asyncProperty(fc.nat(1), fc.nat(), fc.integer({ min: 1, max: 255 }), async (which, where, mask) => {
        const blob = tars[which] as Buffer;
        const copy = Buffer.from(whole);
        const at = whole.indexOf(blob) + (where % blob.length);
        copy[at] = (copy[at] as number) ^ mask;
        writeFileSync(file, copy);
        await expect(read()).rejects.toMatchObject({
          code: 'blob',
          message: expect.stringContaining(hexDigest(blob)),
        });
      }),
      { numRuns: 60 },
    );
  });

  test('any flipped byte of a config gives a warning, as the content has another digest, or an error', async () => {
    const whole = archiveOf({ ...contents, 'manifest.json': [listing] });
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (where, mask) => {
        const copy = Buffer.from(whole);
        const at = whole.indexOf(image.configBytes) + (where % image.configBytes.length);
        copy[at] = (copy[at] as number) ^ mask;
        writeFileSync(file, copy);
        const opened = await openImage({ kind: 'docker-archive', path: file }).catch(
          (error: unknown) => error,
        );
        if (opened instanceof GscError) return;
        const { warnings, close } = opened as StoredImage;
        await close();
        expect(warnings).toEqual([expect.stringContaining('is not named by its digest')]);
      }),
      { numRuns: 60 },
    );
  });

  test.each(['config.json', `${'0'.repeat(64)}.json`, `sha256:${'1'.repeat(64)}`])(
    'whose config is named %s is taken by its content, with a warning',
    async (Config) => {
      save({ ...contents, [Config]: image.configBytes, 'manifest.json': [{ ...listing, Config }] });
      const opened = await openImage({ kind: 'docker-archive', path: file });
      expect(opened.configDescriptor.digest).toBe(image.configDescriptor.digest);
      expect(opened.warnings).toEqual([
        `the config ${Config} is not named by its digest; it is identified by its content, ${image.configDescriptor.digest}`,
      ]);
      await opened.close();
    },
  );

  test.each([
    configName,
    `sha256:${hexDigest(image.configBytes)}`,
    `blobs/sha256/${hexDigest(image.configBytes)}`,
  ])('whose config is named %s needs no warning', async (Config) => {
    save({ ...contents, [Config]: image.configBytes, 'manifest.json': [{ ...listing, Config }] });
    const opened = await openImage({ kind: 'docker-archive', path: file });
    expect(opened.warnings).toEqual([]);
    await opened.close();
  });

  test('whose list of images has its keys in another case is read, as docker load reads it', async () => {
    const { Config, RepoTags, Layers } = listing;
    const list = `[{"config":"${Config}","REPOTAGS":["no:1"],"repoTags":${JSON.stringify(RepoTags)},"layer\u017f":${JSON.stringify(Layers)}}]`;
    save({ ...contents, 'manifest.json': list });
    expect(await read()).toEqual({ layers: tars, names: ['app:1'] });
  });

  describe('names an image by its digest', () => {
    const other = imageOf([layerOf(tars[1], 'none')]);
    const otherName = `${hexDigest(other.configBytes)}.json`;
    const files = {
      ...contents,
      [otherName]: other.configBytes,
      'manifest.json': [listing, { Config: otherName, RepoTags: ['app:1'], Layers: ['2/layer.tar'] }],
    };
    const idOf = async (more: Partial<DockerArchiveReference>) => {
      const opened = await openImage({ kind: 'docker-archive', path: file, ...more });
      await opened.close();
      return opened.configDescriptor.digest;
    };

    test('that of its config; two images with one name say so in their hint', async () => {
      save(files);
      for (const { configDescriptor } of [image, other]) {
        const { digest } = configDescriptor;
        expect(await idOf({ digest })).toBe(digest);
        expect(await idOf({ digest, name: parseImageName('app:1') })).toBe(digest);
      }
      for (const name of [undefined, parseImageName('app:1')]) {
        await expect(idOf({ ...(name && { name }) })).rejects.toMatchObject({
          code: 'usage',
          message: expect.stringContaining(other.configDescriptor.digest),
          hint: expect.stringContaining(`docker-archive:${file}@${image.configDescriptor.digest}`),
        });
      }
    });

    test('that of a manifest or an index that is in it too, as Engines since 25 save images', async () => {
      const index = Buffer.from(JSON.stringify(indexOf(entryOf(image.manifestBytes))));
      const blobs = [...(await blobsOf(image)), index];
      save({
        ...files,
        ...Object.fromEntries(blobs.map((bytes) => [`blobs/sha256/${hexDigest(bytes)}`, bytes])),
        'index.json': indexOf(entryOf(image.manifestBytes)),
      });
      for (const bytes of [image.manifestBytes, index, image.configBytes]) {
        expect(await idOf({ digest: digestOf(bytes) })).toBe(image.configDescriptor.digest);
      }
    });

    test('one that is not there is refused with a list', async () => {
      save(files);
      await expect(idOf({ digest: digestOf('x') })).rejects.toMatchObject({
        code: 'not-found',
        message: expect.stringContaining(`app:1 (${other.configDescriptor.digest})`),
      });
    });
  });

  test('of noise is refused, never crashed on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 2000 }), async (bytes) => {
        writeFileSync(file, bytes);
        await expect(read()).rejects.toMatchObject({ name: 'GscError' });
      }),
    );
  });
});
