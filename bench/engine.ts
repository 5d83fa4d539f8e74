/**
 * Reading a 1 GB image from its own Docker Engine, against `docker save | sha256sum` of the same image in the same
 * run: cold (exported, every layer listed), warm (the image and its layers are known), and writing a result back.
 * Needs root, for the Engine.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { type Digest, digestOf } from '../src/base/digest.ts';
import { appendLayers } from '../src/image/append.ts';
import type { Image, Layer } from '../src/image/image.ts';
import { mediaTypes } from '../src/image/media-type.ts';
import { parseImageName } from '../src/reference/image-name.ts';
import type { LayerIndex } from '../src/scan/layer-index.ts';
import { type LayerIndexStore, scanImage } from '../src/scan/scan-image.ts';
import { connectEngine, type Engine } from '../src/store/engine/engine.ts';
import { openEngineWriter } from '../src/store/engine/engine-writer.ts';
import type { ImageRecordStore } from '../src/store/engine/image-record.ts';
import { openEngineImage } from '../src/store/engine/open-engine-image.ts';
import { tarBytes } from '../src/tar/write-tar.ts';
import { writeOciLayout } from '../test/support/images/oci-layout.ts';

const directory = 'out/bench/engine';
const engineDirectory = '/tmp/gsc-bench-engine';
const script = 'scripts/engine.sh';
const layerCount = 4;
const imageBytes = 1_000_000_000;
const largestFileBytes = 4_000_000;
const rounds = 3;
const name = 'bench:1';

/** Files of this machine, in the order of their names, dealt out to the layers in turn. */
async function makeLayout(): Promise<string> {
  const layout = `${directory}/layout`;
  if (existsSync(`${layout}/index.json`)) return layout;
  mkdirSync(directory, { recursive: true });
  const found = execFileSync('find', ['/usr', '-xdev', '-type', 'f', '-printf', '%s\\t%p\\n'], {
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  const paths: string[] = [];
  let sum = 0;
  for (const line of found.trimEnd().split('\n').sort()) {
    const [size, path] = line.split('\t');
    if (Number(size) > largestFileBytes || sum + Number(size) > imageBytes) continue;
    sum += Number(size);
    paths.push(`${path}\n`);
  }
  const tars = Array.from({ length: layerCount }, (_, layer) => {
    const tar = `${directory}/layer${layer}.tar`;
    const input = paths.filter((_, i) => i % layerCount === layer).join('');
    execFileSync('tar', ['-cf', tar, '--no-recursion', '-P', '-T', '-'], { input });
    return tar;
  });
  await writeOciLayout(layout, tars, { config: { Cmd: ['/bin/true'] }, compression: 'none' });
  return layout;
}

function startEngine(layout: string): string {
  const host = execFileSync(script, ['start', engineDirectory], { encoding: 'utf8' }).trim();
  const target = `docker-daemon:${name}`;
  execFileSync('skopeo', ['copy', '--quiet', '--dest-daemon-host', host, `oci:${layout}:latest`, target]);
  return host;
}

interface Caches {
  readonly records: ImageRecordStore;
  readonly indexes: LayerIndexStore;
}

function emptyCaches(): Caches {
  const records = new Map<Digest, Buffer>();
  const indexes = new Map<Digest, LayerIndex>();
  return {
    records: {
      load: async (id) => records.get(id),
      save: async (id, record) => void records.set(id, record),
    },
    indexes: {
      load: async (layer) => indexes.get(layer.diffId),
      save: async (layer, index) => void indexes.set(layer.diffId, index),
    },
  };
}

async function readImage(engine: Engine, caches: Caches): Promise<Image> {
  const image = await openEngineImage(engine, parseImageName(name), caches);
  try {
    await scanImage(image, { indexes: caches.indexes });
    return image;
  } finally {
    await image.close();
  }
}

/** Writes the image with a small layer on top; a base layer that is read is an error. */
async function writeBack(engine: Engine, image: Image, seed: string): Promise<void> {
  const writer = await openEngineWriter(engine, parseImageName(`bench-result:${seed}`));
  try {
    await writer.commit(
      appendLayers(image, {
        name: 'result',
        layers: [{ layer: smallLayer(seed), comment: seed }],
        configure: (config) => config,
        created: '2024-01-01T00:00:00Z',
      }),
    );
  } finally {
    await writer.abort();
  }
}

function smallLayer(seed: string): Layer {
  const attributes = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
  const tar = tarBytes([{ kind: 'file', name: seed, content: Buffer.alloc(1_000_000, seed), ...attributes }]);
  const descriptor = { mediaType: mediaTypes.dockerLayer, digest: digestOf(tar), sizeBytes: tar.length };
  async function* open() {
    yield tar;
  }
  return { descriptor, diffId: descriptor.digest, open };
}

async function secondsOf(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function report(what: string, seconds: number, reference: number): void {
  const rate = (sizeBytes / 1e6 / seconds).toFixed(0);
  const ratio = (seconds / reference).toFixed(2);
  console.log(
    `${what.padEnd(44)} ${seconds.toFixed(2).padStart(7)} s ${rate.padStart(8)} MB/s ${ratio.padStart(7)}`,
  );
}

const layout = await makeLayout();
let sizeBytes = 0;
try {
  const host = startEngine(layout);
  const engine = await connectEngine({ kind: 'unix', path: host.slice('unix://'.length), origin: 'bench' });
  const save = `/usr/bin/docker --host ${host} save ${name} | sha256sum`;
  const image = await readImage(engine, emptyCaches());
  sizeBytes = image.layers.reduce((sum, layer) => sum + layer.descriptor.sizeBytes, 0);
  console.log(`${(sizeBytes / 1e6).toFixed(0)} MB in ${layerCount} layers, Node ${process.version}`);
  console.log(`${cpus().length} cores, ${(totalmem() / 1e9).toFixed(0)} GB of memory; best of ${rounds}\n`);
  const caches = emptyCaches();
  const results = { save: [] as number[], cold: [] as number[], warm: [] as number[], write: [] as number[] };
  // Turn about, so that a busy machine slows all.
  for (let round = 0; round < rounds; round++) {
    results.save.push(await secondsOf(() => execFileSync('sh', ['-c', save])));
    results.cold.push(await secondsOf(() => readImage(engine, emptyCaches())));
    if (round === 0) await readImage(engine, caches);
    results.warm.push(await secondsOf(() => readImage(engine, caches)));
    results.write.push(await secondsOf(() => writeBack(engine, image, String(round))));
  }
  const best = (seconds: readonly number[]) => Math.min(...seconds);
  const reference = best(results.save);
  report('docker save | sha256sum (the reference)', reference, reference);
  report('cold: export and list every layer', best(results.cold), reference);
  report('warm: image and layers are known', best(results.warm), reference);
  report('write back, thin', best(results.write), reference);
  console.log(`\npeak memory ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`);
  await engine.close();
} finally {
  execFileSync(script, ['stop', engineDirectory]);
  rmSync(engineDirectory, { recursive: true, force: true });
}
