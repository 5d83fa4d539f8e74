/**
 * How long the whole commands take, and their peak memory: `gsc build` with an empty cache and with a full one, and
 * `gsc sign-image`, on Debian 12 with python3 and on an image of 1 GB and 40,000 files. The reference is `sha256sum` over
 * the image's uncompressed layers in the same run. Needs root, mmdebstrap and busybox-static for the images, and a C
 * compiler for the stand-in runtime.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { makeImage } from '../test/support/images/make-image.ts';
import { standinRuntime } from '../test/support/images/standin-runtime.ts';
import { largeLayout } from './parts/large-layout.ts';

const directory = 'out/bench/build';
const rounds = 3;
const gsc = `${directory}/gsc.js`;
const memoryHook = resolve(directory, 'memory.cjs');
const memoryFile = resolve(directory, 'memory.txt');

interface Figure {
  readonly seconds: number;
  readonly peakMegabytes: number;
}

/** Runs gsc as users do, in its own process, which says at its end how much memory it has had. */
function run(args: readonly string[]): Figure {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ['--require', memoryHook, gsc, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, XDG_CACHE_HOME: resolve(directory, 'cache') },
  });
  const seconds = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(`gsc ${args.join(' ')}: ${stderr}`);
  return { seconds, peakMegabytes: Number(readFileSync(memoryFile, 'utf8')) / 1024 };
}

function remove(...names: readonly string[]): void {
  for (const name of names) rmSync(`${directory}/${name}`, { recursive: true, force: true });
}

/** Each round in turn, so that a busy machine slows all; best time and highest memory of all rounds. */
function measure(layout: string, runtime: string, tars: readonly string[]): void {
  const key = `${directory}/key.pem`;
  const output = `oci:${directory}/result:unsigned`;
  const build = ['build', '-q', '--runtime', runtime, '-o', output, `oci:${layout}:latest`];
  const sign = ['sign-image', '-q', '-o', `oci:${directory}/result:signed`, output, key];
  const figures: Record<string, Figure[]> = {};
  const note = (name: string, figure: Figure) => {
    figures[name] = [...(figures[name] ?? []), figure];
  };
  for (let round = 0; round < rounds; round++) {
    note('sha256sum of the layers', reference(tars));
    remove('cache', 'result');
    note('gsc build, cold', run(build));
    remove('result');
    note('gsc build, warm', run(build));
    note('gsc build, warm, result is there', run(build));
    note('gsc sign-image', run(sign));
  }
  const best = (name: string) => Math.min(...(figures[name] ?? []).map((figure) => figure.seconds));
  for (const [name, all] of Object.entries(figures)) {
    const peak = Math.max(...all.map((figure) => figure.peakMegabytes));
    const ratio = best(name) / best('sha256sum of the layers');
    console.log(
      `  ${name.padEnd(34)} ${best(name).toFixed(2).padStart(6)} s ${ratio.toFixed(2).padStart(7)} ${peak.toFixed(0).padStart(7)} MB`,
    );
  }
}

function reference(tars: readonly string[]): Figure {
  const start = performance.now();
  execFileSync('sha256sum', tars);
  return { seconds: (performance.now() - start) / 1000, peakMegabytes: 0 };
}

/** The layers of the layout's only image, uncompressed. */
async function uncompressed(layout: string, name: string): Promise<readonly string[]> {
  const read = (digest: string) => `${layout}/blobs/sha256/${digest.slice('sha256:'.length)}`;
  const index = JSON.parse(readFileSync(`${layout}/index.json`, 'utf8'));
  const manifest = JSON.parse(readFileSync(read(index.manifests[0].digest), 'utf8'));
  const tars: string[] = [];
  for (const [number, { digest }] of manifest.layers.entries()) {
    const tar = `${directory}/${name}.${number}.tar`;
    await pipeline(createReadStream(read(digest)), createGunzip(), createWriteStream(tar));
    tars.push(tar);
  }
  return tars;
}

mkdirSync(directory, { recursive: true });
remove('key.pem', 'cache', 'result');
writeFileSync(
  memoryHook,
  `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(memoryFile)}, String(process.resourceUsage().maxRSS)));\n`,
);
execFileSync(process.execPath, ['scripts/build.mjs', '--command', gsc], { stdio: 'inherit' });
run(['gen-private-key', '-q', `${directory}/key.pem`]);
const { root } = await standinRuntime();
const images = [
  { name: 'Debian 12 + python3', id: 'debian', layout: (await makeImage('debian-python')).layout },
  { name: '1 GB, 40,000 files, gzip', id: 'large', layout: await largeLayout(directory) },
];
console.log(
  `Node ${process.version}, ${cpus().length} cores; best time and highest memory of ${rounds} rounds`,
);
for (const { name, id, layout } of images) {
  const tars = await uncompressed(layout, id);
  console.log(`\n${name.padEnd(36)} ${'time'.padStart(8)} ${'ratio'.padStart(7)} ${'peak'.padStart(10)}`);
  measure(layout, root, tars);
  for (const tar of tars) rmSync(tar);
}
remove('cache', 'result');
