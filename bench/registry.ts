/**
 * `gsc build` and `gsc sign-image` from registry to registry on loopback (Debian's docker-registry), with the bytes that
 * move: with an empty cache, with a full one, and when the result is there. The reference is `skopeo copy` of the app
 * image from the same registry to a directory, in the same run. Needs docker-registry, skopeo, root, mmdebstrap and
 * busybox-static for the images, and a C compiler for the stand-in runtime.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { layWire, type Wire } from '../test/support/end-to-end/wire.ts';
import { makeImage } from '../test/support/images/make-image.ts';
import { runTool } from '../test/support/images/run-tool.ts';
import { standinRuntime } from '../test/support/images/standin-runtime.ts';
import { largeLayout } from './parts/large-layout.ts';

const directory = 'out/bench/registry';
const port = 5123;
const rounds = Number(process.env.GSC_BENCH_ROUNDS ?? 3);
const gscFile = `${directory}/gsc.js`;
const key = `${directory}/key.pem`;

/** One line of the table; bytes are those of the wire between the program and the registry. */
interface Figure {
  readonly seconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

async function startRegistry(): Promise<ChildProcess> {
  const data = resolve(directory, 'data');
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { recursive: true });
  const config = `${directory}/config.yml`;
  writeFileSync(
    config,
    `version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: ${data}}}\nhttp: {addr: "127.0.0.1:${port}"}\n`,
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  for (let tries = 0; ; tries++) {
    if (await fetch(`http://localhost:${port}/v2/`).catch(() => undefined)) return child;
    if (tries > 200 || child.exitCode !== null) throw new Error('docker-registry does not start');
    await sleep(50);
  }
}

async function measured(wire: Wire, work: () => Promise<unknown>): Promise<Figure> {
  wire.reset();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  return { seconds, receivedBytes: wire.receivedBytes(), sentBytes: wire.sentBytes() };
}

function gsc(...args: readonly string[]): Promise<string> {
  return runTool(process.execPath, [gscFile, ...args, '-q'], {
    env: { XDG_CACHE_HOME: resolve(directory, 'cache'), DOCKER_HOST: 'unix:///nonexistent/docker.sock' },
  });
}

/** Bytes of the layers that the result has and the app has not. */
async function addedBytes(result: string, app: string): Promise<number> {
  const layersOf = async (name: string) => {
    const raw = await runTool('skopeo', ['inspect', '--raw', '--tls-verify=false', name]);
    return JSON.parse(raw).layers as readonly { readonly digest: string; readonly size: number }[];
  };
  const known = new Set((await layersOf(app)).map(({ digest }) => digest));
  const added = (await layersOf(result)).filter(({ digest }) => !known.has(digest));
  return added.reduce((sum, { size }) => sum + size, 0);
}

const reference = 'skopeo copy to a directory';
const warm = 'gsc build, warm';

/** Each round in turn, so that a busy machine slows all; the best time of all rounds. */
async function measure(wire: Wire, id: string, runtime: string): Promise<void> {
  const at = (name: string) => `docker://localhost:${(wire.place as { port: number }).port}/${name}`;
  const figures = new Map<string, Figure>();
  const note = (name: string, figure: Figure) => {
    const former = figures.get(name);
    if (former === undefined || figure.seconds < former.seconds) figures.set(name, figure);
  };
  const remove = (name: string) => rmSync(`${directory}/${name}`, { recursive: true, force: true });
  const build = (result: string) => gsc('build', '--runtime', runtime, at(`app/${id}:1`), '-o', at(result));
  for (let round = 0; round < rounds; round++) {
    const copy = ['copy', '--quiet', '--src-tls-verify=false', at(`app/${id}:1`), `oci:${directory}/copy:1`];
    remove('copy');
    note(reference, await measured(wire, () => runTool('skopeo', copy)));
    remove('cache');
    // A repository that has nothing yet: what exists already would not be sent.
    note('gsc build, cold', await measured(wire, () => build(`cold-${round}/${id}:u`)));
    note(warm, await measured(wire, () => build(`warm-${round}/${id}:u`)));
    note(`${warm}, result is there`, await measured(wire, () => build(`warm-${round}/${id}:u`)));
    const sign = () => gsc('sign-image', at(`warm-${round}/${id}:u`), key, '-o', at(`warm-${round}/${id}:s`));
    note('gsc sign-image', await measured(wire, sign));
    const signed = at(`warm-${round}/${id}:s`);
    note(
      'skopeo inspect',
      await measured(wire, () => runTool('skopeo', ['inspect', '--tls-verify=false', signed])),
    );
    note('gsc info-image', await measured(wire, () => gsc('info-image', signed)));
    remove('cache');
    note('gsc info-image, nothing known', await measured(wire, () => gsc('info-image', signed)));
  }
  remove('copy');
  report(figures, await addedBytes(at(`warm-0/${id}:u`), at(`app/${id}:1`)));
}

function report(figures: ReadonlyMap<string, Figure>, added: number): void {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(2).padStart(10);
  const whole = figures.get(reference)?.seconds ?? Number.NaN;
  for (const [name, { seconds, receivedBytes, sentBytes }] of figures) {
    const times = `${seconds.toFixed(2).padStart(7)} s ${(seconds / whole).toFixed(2).padStart(7)}`;
    console.log(`  ${name.padEnd(34)} ${times} ${megabytes(receivedBytes)} ${megabytes(sentBytes)}`);
  }
  const moved = figures.get(warm);
  const beyond = (moved?.receivedBytes ?? 0) + (moved?.sentBytes ?? 0) - added;
  console.log(
    `  added layers ${(added / 1e6).toFixed(2)} MB; warm, beyond them: ${(beyond / 1e6).toFixed(3)} MB`,
  );
}

mkdirSync(directory, { recursive: true });
rmSync(key, { force: true });
execFileSync(process.execPath, ['scripts/build.mjs', '--command', gscFile], { stdio: 'inherit' });
await gsc('gen-private-key', key);
const { root } = await standinRuntime();
const images = [
  { name: 'Debian 12 + python3', id: 'debian', layout: (await makeImage('debian-python')).layout },
  { name: '1 GB, 40,000 files, gzip', id: 'large', layout: await largeLayout(directory) },
];
const registry = await startRegistry();
const wire = await layWire({ port });
try {
  console.log(`Node ${process.version}, ${cpus().length} cores; best time of ${rounds} rounds`);
  for (const { name, id, layout } of images) {
    const target = `docker://localhost:${port}/app/${id}:1`;
    await runTool('skopeo', ['copy', '-q', '--dest-tls-verify=false', `oci:${layout}:latest`, target]);
    const columns = ['time', 'ratio', 'MB in', 'MB out'].map((text, i) =>
      text.padStart([9, 7, 10, 10][i] ?? 0),
    );
    console.log(`\n${name.padEnd(36)} ${columns.join(' ')}`);
    await measure(wire, id, root);
  }
} finally {
  wire.close();
  registry.kill();
  rmSync(`${directory}/data`, { recursive: true, force: true });
  rmSync(`${directory}/cache`, { recursive: true, force: true });
}
