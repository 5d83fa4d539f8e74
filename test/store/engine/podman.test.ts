import { expect, test } from 'vitest';
import { openArchiveWriter } from '../../../src/store/archive/archive-writer.ts';
import { connect, open, recordStore, store, withAddedLayer } from '../../support/store/engine/fixture.ts';
import { layerBytes } from '../../support/store/engine/layer-bytes.ts';
import { podmanForTest } from '../../support/store/engine/podman-service.ts';
import { layerOf, sampleImage, sampleTar } from '../../support/store/sample.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';

const scratch = scratchDirectory();

test("Podman's socket: an image of podman's own is read, built upon and stored under localhost", async (context) => {
  const { socket, podman } = await podmanForTest(context);
  const app = sampleImage(['a', 'b']);
  const path = `${scratch}/app.tar`;
  const writer = await openArchiveWriter({ kind: 'oci-archive', path }, {});
  await writer.commit(app);
  await podman('load', '--input', path);
  await podman('tag', app.configDescriptor.digest.slice('sha256:'.length), 'localhost/app:1');
  const engine = await connect(socket);
  expect(engine.kind).toBe('podman');
  const records = recordStore();
  const image = await open(engine, 'app:1', { records });
  expect(image).toMatchObject({ id: app.configDescriptor.digest, names: ['localhost/app:1'] });
  expect(image.configBytes).toEqual(app.configBytes);
  expect(await layerBytes(image)).toEqual([sampleTar('a'), sampleTar('b')]);
  expect((await open(engine, 'app:1', { records })).manifestBytes).toEqual(image.manifestBytes);

  const result = withAddedLayer(image, 'added');
  expect(await store(engine, 'gsc-app:1', result)).toMatchObject({ outcome: 'written' });
  const ids = await podman('images', '--no-trunc', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}');
  expect(ids).toContain(`localhost/gsc-app:1 ${result.configDescriptor.digest}`);
  expect(await store(engine, 'gsc-app:1', result)).toMatchObject({ outcome: 'unchanged' });
  const again = await open(engine, 'gsc-app:1');
  expect((await open(engine, `gsc-app:1@${result.configDescriptor.digest}`)).id).toBe(again.id);
  expect(await layerBytes(again)).toContainEqual(sampleTar('added'));

  await podman('tag', 'localhost/app:1', 'localhost/team/app:1');
  expect((await open(engine, 'team/app:1')).id).toBe(image.id);
  expect(await store(engine, 'team/app:1', result)).toMatchObject({ outcome: 'written' });

  const other = withAddedLayer(image, 'other');
  await expect(store(engine, 'gsc-app:1', other)).rejects.toMatchObject({ code: 'exists' });
  expect(await store(engine, 'gsc-app:1', other, { force: true })).toMatchObject({ outcome: 'written' });
  expect((await open(engine, 'gsc-app:1')).id).toBe(other.configDescriptor.digest);

  await expect(open(engine, 'ap:1')).rejects.toMatchObject({
    code: 'not-found',
    hint: 'did you mean localhost/app:1?',
  });
  const broken = { ...layerOf(sampleTar('broken', 200_000)), open: breaking };
  const unfinished = sampleImage(['c']);
  await expect(
    store(engine, 'broken:1', { ...unfinished, layers: [broken, ...unfinished.layers] }),
  ).rejects.toThrow('the source broke');
  await expect(open(engine, 'broken:1')).rejects.toMatchObject({ code: 'not-found' });
});

async function* breaking(): AsyncIterable<Buffer> {
  yield Buffer.alloc(100_000);
  throw new Error('the source broke');
}
