import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assembleArtifact } from '../../../src/image/artifact.ts';
import { LayoutReferrers } from '../../../src/store/layout/referrers.ts';
import { openImage } from '../../../src/store/open-image.ts';
import { openWriter } from '../../../src/store/open-writer.ts';
import { imageOf, layerOf } from '../../support/store/registry/fixture.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';

const image = imageOf([layerOf('referrers', 1000)]);

async function layout() {
  const path = join(scratchDirectory(), 'layout');
  await (await openWriter({ kind: 'oci', path, tag: '1' })).commit(image);
  return { path, referrers: new LayoutReferrers(path) };
}

const artifactOf = (text: string, subject = image.manifest) =>
  assembleArtifact({
    artifactType: 'application/example',
    subject,
    annotations: {},
    content: Buffer.from(text),
  });

describe('artifacts in an OCI layout', () => {
  test('are entries of the index, and the image is still found without a tag', async () => {
    const { path, referrers } = await layout();
    for (const text of ['one', 'two']) {
      expect(await referrers.attach(image.manifest, artifactOf(text))).toBe('written');
    }
    expect(await referrers.attach(image.manifest, artifactOf('one'))).toBe('unchanged');
    const listed = await referrers.list(image.manifest);
    expect((await Promise.all(listed.map((each) => referrers.read(each)))).map(String)).toEqual([
      'one',
      'two',
    ]);
    const opened = await openImage({ kind: 'oci', path });
    expect(opened.manifest.digest).toBe(image.manifest.digest);
    await opened.close();
  });

  test('of other images are not listed', async () => {
    const { referrers } = await layout();
    const other = imageOf([layerOf('another', 10)]).manifest;
    await referrers.attach(other, artifactOf('one', other));
    expect(await referrers.list(image.manifest)).toEqual([]);
    expect(await referrers.list(other)).toHaveLength(1);
  });

  test('that are attached at the same time are all there', async () => {
    const { path, referrers } = await layout();
    const texts = Array.from({ length: 8 }, (_, index) => String(index));
    await Promise.all(
      texts.map((text) => new LayoutReferrers(path).attach(image.manifest, artifactOf(text))),
    );
    expect(await referrers.list(image.manifest)).toHaveLength(8);
  });

  test('whose blob is damaged are an error', async () => {
    const { path, referrers } = await layout();
    const artifact = artifactOf('one');
    await referrers.attach(image.manifest, artifact);
    const [, layer] = artifact.blobs;
    const file = join(path, 'blobs/sha256', layer?.descriptor.digest.slice(7) ?? '');
    writeFileSync(file, readFileSync(file, 'utf8').toUpperCase());
    const [listed] = await referrers.list(image.manifest);
    await expect(referrers.read(listed ?? expect.fail())).rejects.toMatchObject({ code: 'blob' });
  });
});
