import { mkdirSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect } from 'vitest';
import { parseReference } from '../../src/reference/image-reference.ts';
import { type FileReference, openImage } from '../../src/store/open-image.ts';
import { openWriter } from '../../src/store/open-writer.ts';
import { decompress } from '../../src/tar/codec/decompress.ts';
import { bytesOf, hexDigest, noise, run, writeInto } from '../support/store/sample.ts';
import { scratchDirectory } from '../support/store/scratch.ts';
import { testWithTool } from '../support/tool.ts';

const scratch = scratchDirectory();
let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(scratch, 'foreign-'));
});

/** Makes an image of two layers with umoci: `oci:DIRECTORY/layout:v1`. */
function makeWithUmoci(): string {
  const layout = join(directory, 'layout');
  run('umoci', 'init', '--layout', layout);
  run('umoci', 'new', '--image', `${layout}:v1`);
  run(
    'umoci',
    'config',
    '--image',
    `${layout}:v1`,
    '--architecture',
    'amd64',
    '--os',
    'linux',
    '--config.cmd',
    '/app',
  );
  for (const name of ['a', 'b']) {
    const bundle = join(directory, `bundle-${name}`);
    run('umoci', 'unpack', '--rootless', '--image', `${layout}:v1`, bundle);
    writeInto(join(bundle, 'rootfs'), name, noise(name, 50_000));
    run('umoci', 'repack', '--refresh-bundle', '--image', `${layout}:v1`, bundle);
  }
  return `oci:${layout}:v1`;
}

/** Opens it, reads all layers, checks that each is what its diffId says, and gives the image. */
async function openWhole(reference: string) {
  const image = await openImage(parseReference(reference) as FileReference);
  for (const layer of image.layers) {
    const tar = await bytesOf(decompress(layer.open(), reference));
    expect(`sha256:${hexDigest(tar)}`).toBe(layer.diffId);
  }
  await image.close();
  return image;
}

describe("an image with Docker's media types", () => {
  testWithTool('umoci skopeo', 'is found by skopeo in the layouts that it is written to', async () => {
    const archive = `docker-archive:${directory}/d.tar:app:1`;
    run('skopeo', 'copy', makeWithUmoci(), archive);
    const image = await openImage(parseReference(archive) as FileReference);
    expect(image.manifest.mediaType).toContain('docker');
    const diffIds = image.layers.map((layer) => layer.diffId);
    for (const target of [`oci:${directory}/written:v2`, `oci-archive:${directory}/written.tar:v2`]) {
      const writer = await openWriter(parseReference(target) as FileReference, {});
      const { manifest } = await writer.commit(image);
      expect(manifest.mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
      const config = JSON.parse(run('skopeo', 'inspect', '--config', target));
      expect(config.rootfs.diff_ids).toEqual(diffIds);
      expect(JSON.parse(run('skopeo', 'inspect', target)).Digest).toBe(manifest.digest);
      const written = await openWhole(target);
      expect(written.configDescriptor.digest).toBe(image.configDescriptor.digest);
    }
    await image.close();
  });
});

describe('an image is the same', () => {
  testWithTool('umoci skopeo', 'from umoci, and from all that skopeo copies it to', async () => {
    const source = makeWithUmoci();
    const image = await openWhole(source);
    expect(image.layers).toHaveLength(2);
    expect(image.config.config?.Cmd).toEqual(['/app']);
    const copies = [
      `oci:${directory}/copy:other`,
      `oci-archive:${directory}/o.tar:v1`,
      `oci-archive:${directory}/untagged.tar`,
      `docker-archive:${directory}/d.tar:app:1`,
      `docker-archive:${directory}/untagged-d.tar`,
    ];
    for (const copy of copies) {
      run('skopeo', 'copy', source, copy);
      const copied = await openWhole(copy);
      expect(copied.configDescriptor.digest, copy).toBe(image.configDescriptor.digest);
      if (copy.startsWith('oci')) expect(copied.manifest.digest, copy).toBe(image.manifest.digest);
    }
  });

  testWithTool('umoci skopeo zstd', 'when skopeo has compressed its layers with zstd', async () => {
    const source = makeWithUmoci();
    const copy = `oci:${directory}/zstd:v1`;
    run('skopeo', 'copy', '--dest-compress-format', 'zstd', '--dest-compress', source, copy);
    const image = await openWhole(copy);
    expect(image.configDescriptor.digest).toBe((await openWhole(source)).configDescriptor.digest);
  });

  testWithTool(
    'umoci skopeo podman',
    'when podman has loaded and saved it, in each of its formats',
    async () => {
      const archive = `${directory}/d.tar`;
      run('skopeo', 'copy', makeWithUmoci(), `docker-archive:${archive}:localhost/app:1`);
      const image = await openWhole(`docker-archive:${archive}`);
      mkdirSync(join(directory, 'storage'));
      const podman = (...args: readonly string[]) =>
        run(
          'podman',
          '--root',
          `${directory}/storage`,
          '--runroot',
          `${directory}/run`,
          '--storage-driver',
          'vfs',
          ...args,
        );
      podman('load', '-i', archive);
      podman('tag', 'localhost/app:1', 'localhost/app:2');
      for (const [format, kind] of [
        ['docker-archive', 'docker-archive'],
        ['oci-archive', 'oci-archive'],
        ['oci-dir', 'oci'],
      ] as const) {
        const path = join(directory, format);
        podman('save', '--format', format, '-o', path, 'localhost/app:1');
        const saved = await openWhole(`${kind}:${path}`);
        expect(saved.layers.map((layer) => layer.diffId)).toEqual(image.layers.map((layer) => layer.diffId));
      }
      const several = join(directory, 'several');
      podman('save', '--multi-image-archive', '-o', several, 'localhost/app:1', 'localhost/app:2');
      expect((await openWhole(`docker-archive:${several}:localhost/app:2`)).names.toSorted()).toEqual([
        'localhost/app:1',
        'localhost/app:2',
      ]);
    },
  );
});
