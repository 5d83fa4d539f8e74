import { describe, expect, test } from 'vitest';
import { type Digest, digestOf } from '../../../src/base/digest.ts';
import { imagePath } from '../../../src/base/image-path.ts';
import { collectBytes } from '../../../src/image/verified-stream.ts';
import type { LayerIndex } from '../../../src/scan/layer-index.ts';
import { listLayersOfExport } from '../../../src/workspace/export-listener.ts';
import { type EngineDouble, engineDouble } from '../../support/store/engine/engine-double.ts';
import { connect, open } from '../../support/store/engine/fixture.ts';
import { sampleTar } from '../../support/store/sample.ts';

const config = { os: 'linux', architecture: 'amd64', config: {} };
const tars = [sampleTar('a', 900_000), sampleTar('b', 700_000), sampleTar('c')];
const exportsOf = (double: EngineDouble) =>
  double.requests.filter((request) => request.endsWith('/get')).length;

function listening() {
  const indexes: LayerIndex[] = [];
  const listen = (diffIds: readonly Digest[]) =>
    listLayersOfExport(diffIds, async (index) => void indexes.push(index));
  return { indexes, options: { listen, isListed: true } };
}

describe('an image whose layers are only listed', () => {
  test('is the same, and all of its layers are listed', async () => {
    const double = await engineDouble();
    double.put('app:1', config, tars);
    const engine = await connect(double.socket);
    const whole = await open(engine, 'app:1');
    const { indexes, options } = listening();
    const listed = await open(engine, 'app:1', options);
    expect(exportsOf(double)).toBe(2);
    expect(listed.manifestBytes).toEqual(whole.manifestBytes);
    expect(listed.layers.map(({ descriptor }) => descriptor)).toEqual(
      whole.layers.map(({ descriptor }) => descriptor),
    );
    expect(indexes.map(({ diffId }) => diffId).sort()).toEqual(tars.map((tar) => digestOf(tar)).sort());
  });

  test('is exported again, once, when layers are read all the same', async () => {
    const double = await engineDouble();
    double.put('app:1', config, tars);
    const { options } = listening();
    const image = await open(await connect(double.socket), 'app:1', options);
    expect(exportsOf(double)).toBe(1);
    for (const [number, layer] of image.layers.entries())
      expect((await collectBytes(layer.open())).equals(tars[number] as Buffer)).toBe(true);
    expect(exportsOf(double)).toBe(2);
  });

  test('is exported for its files where the Engine makes no container of it', async () => {
    const double = await engineDouble({
      intercept: ({ method }, response) => {
        if (method !== 'POST') return false;
        response.writeHead(403, { 'content-type': 'application/json' }).end('{"message":"Forbidden"}');
        return true;
      },
    });
    double.put('app:1', config, tars);
    const image = await open(await connect(double.socket), 'app:1', listening().options);
    expect(await image.readSingleFiles?.([imagePath('/data/a')])).toBeUndefined();
    expect(double.requests.some((request) => request.includes('/containers/create'))).toBe(true);
  });

  test('is exported whole where the Engine wants all layers of a result', async () => {
    const double = await engineDouble({ store: 'containerd' });
    double.put('app:1', config, tars);
    const image = await open(await connect(double.socket), 'app:1', listening().options);
    await collectBytes((image.layers[0] as (typeof image.layers)[0]).open());
    expect(exportsOf(double)).toBe(1);
  });

  test('is exported whole where a layer cannot be listed; the error is that of the whole', async () => {
    const double = await engineDouble();
    const damaged = Buffer.from(sampleTar('a', 900_000)).fill(0xff, 902_000);
    double.put('app:1', config, [damaged]);
    const image = await open(await connect(double.socket), 'app:1', listening().options);
    expect(exportsOf(double)).toBe(2);
    await collectBytes((image.layers[0] as (typeof image.layers)[0]).open());
    expect(exportsOf(double)).toBe(2);
  });

  test('is an error of the Engine if that fails in the middle of a layer', async () => {
    const tail = '{"errorDetail":{"message":"unlinked layer"},"error":"unlinked layer"}\n';
    const double = await engineDouble({
      intercept: (request, response) => {
        if (!request.url?.endsWith('/get')) return false;
        const tar = sampleTar('cut', 900_000);
        response.end(Buffer.concat([tar.subarray(0, 500_000), Buffer.from(tail)]));
        return true;
      },
    });
    double.put('app:1', config, tars);
    await expect(open(await connect(double.socket), 'app:1', listening().options)).rejects.toThrow(
      'unlinked layer',
    );
  });
});
