/**
 * The whole commands on images of a Docker Engine of their own, of several sizes, to see whether a figure grows with the image:
 * `gsc build` with nothing known and with everything known, `gsc sign-image`, `gsc info-image`. The references are
 * `docker save | sha256sum` and `docker inspect` of the same image in the same run; user and system time of gsc beside the wall's.
 * Needs root, for the Engine, busybox-static, and a C compiler for the stand-in runtime.
 *
 *   GSC_BENCH_SIZES=50,300,3000 node scripts/bench.mjs engine     # MB; default 50,300
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { startEngine, type TestEngine } from '../test/support/images/engine.ts';
import { writeOciLayout } from '../test/support/images/oci-layout.ts';
import { standinRuntime } from '../test/support/images/standin-runtime.ts';

const directory = 'out/bench/engine';
const gsc = `${directory}/gsc.js`;
const key = `${directory}/key.pem`;
const sizesMegabytes = (process.env.GSC_BENCH_SIZES ?? '50,300').split(',').map(Number);
const rounds = Number(process.env.GSC_BENCH_ROUNDS ?? 3);
const layerCount = 4;
const fileBytes = 250_000;

interface Figure {
  readonly seconds: number;
  /** Of the program itself, not of the Engine. */
  readonly cpuSeconds: number;
}

/** An image with a shell and as many bytes that do not compress, in files of the same size, dealt out to the layers. */
async function loadImage(engine: TestEngine, megabytes: number): Promise<string> {
  const root = `${directory}/root`;
  const tars: string[] = [];
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const filesPerLayer = Math.ceil((megabytes * 1e6) / fileBytes / layerCount);
  for (let layer = 0; layer < layerCount; layer++) {
    rmSync(root, { recursive: true, force: true });
    mkdirSync(`${root}/data/${layer}`, { recursive: true });
    for (let file = 0; file < filesPerLayer; file++)
      writeFileSync(`${root}/data/${layer}/${file}`, noise.update(Buffer.alloc(fileBytes)));
    if (layer === 0) addShell(root);
    tars.push(`${directory}/layer${layer}.tar`);
    execFileSync('tar', ['-C', root, '-cf', tars.at(-1) as string, '.']);
  }
  const layout = `${directory}/layout`;
  rmSync(layout, { recursive: true, force: true });
  await writeOciLayout(layout, tars, { config: { Cmd: ['/bin/sh'] }, compression: 'none' });
  const name = `bench-${megabytes}:1`;
  await engine.load(`oci:${layout}:latest`, name);
  for (const path of [root, layout, ...tars]) rmSync(path, { recursive: true, force: true });
  return name;
}

function addShell(root: string): void {
  mkdirSync(`${root}/bin`, { recursive: true });
  copyFileSync('/bin/busybox', `${root}/bin/busybox`);
  symlinkSync('busybox', `${root}/bin/sh`);
}

/** Runs a command of a shell and takes the time of it and of its children. */
function measure(engine: TestEngine, command: string): Figure {
  const environment = {
    PATH: process.env.PATH,
    XDG_CACHE_HOME: resolve(directory, 'cache'),
    DOCKER_HOST: engine.host,
  };
  const start = performance.now();
  const timed = `${command} >/dev/null; code=$?; times; exit $code`;
  const { status, stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', timed], {
    encoding: 'utf8',
    env: environment,
  });
  const seconds = (performance.now() - start) / 1000;
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  // The second line is that of the children.
  const parts = [...(stdout.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  const cpuSeconds = parts.reduce((sum, [, minutes, rest]) => sum + Number(minutes) * 60 + Number(rest), 0);
  return { seconds, cpuSeconds };
}

const save = 'docker save | sha256sum (reference)';
const inspect = 'docker inspect (reference)';

async function measureImage(engine: TestEngine, image: string, runtime: string): Promise<void> {
  const figures = new Map<string, Figure[]>();
  const row = (title: string, command: string) =>
    figures.set(title, [...(figures.get(title) ?? []), measure(engine, command)]);
  const run = `${process.execPath} ${gsc}`;
  const build = `${run} build -q --runtime ${runtime} -o result:unsigned ${image}`;
  // Of images; what V8 has compiled of gsc stays.
  const layouts = `${directory}/cache/gsc/v1`;
  const forget = () => {
    for (const kind of existsSync(layouts) ? readdirSync(layouts) : [])
      if (kind !== 'code') rmSync(`${layouts}/${kind}`, { recursive: true });
  };
  // Turn about, so that a busy machine slows all.
  for (let round = 0; round < rounds; round++) {
    forget();
    row(save, `/usr/bin/docker save ${image} | sha256sum`);
    row('gsc build, nothing known', build);
    row('gsc build, all known', build);
    row('gsc sign-image', `${run} sign-image -q -o result:signed result:unsigned ${key}`);
    row(inspect, '/usr/bin/docker inspect result:signed');
    row('gsc info-image', `${run} info-image -q result:signed`);
    forget();
    row('gsc info-image, nothing known', `${run} info-image -q result:signed`);
    await engine.docker('rmi', '--force', 'result:unsigned', 'result:signed');
  }
  report(image, figures);
}

function report(image: string, figures: ReadonlyMap<string, readonly Figure[]>): void {
  const best = (title: string) => Math.min(...(figures.get(title) ?? []).map(({ seconds }) => seconds));
  console.log(`\n${image}, load ${loadavg()[0]?.toFixed(1)}`);
  console.log(`${''.padEnd(36)}    wall     cpu  of save  of inspect`);
  for (const [title, all] of figures) {
    const cpu = Math.min(...all.map(({ cpuSeconds }) => cpuSeconds));
    const columns = [
      `${best(title).toFixed(2).padStart(7)}s`,
      `${cpu.toFixed(2).padStart(6)}s`,
      (best(title) / best(save)).toFixed(2).padStart(8),
      (best(title) / best(inspect)).toFixed(1).padStart(11),
    ];
    console.log(`${title.padEnd(36)}${columns.join(' ')}`);
  }
}

mkdirSync(directory, { recursive: true });
rmSync(key, { force: true });
execFileSync(process.execPath, ['scripts/build.mjs', '--command', gsc], { stdio: 'inherit' });
execFileSync(process.execPath, [gsc, 'gen-private-key', '-q', key]);
const { root: runtime } = await standinRuntime();
const engine = await startEngine();
try {
  console.log(`Node ${process.version}, ${cpus().length} cores; best of ${rounds}`);
  for (const megabytes of sizesMegabytes) {
    const image = await loadImage(engine, megabytes);
    await measureImage(engine, image, runtime);
    await engine.docker('rmi', '--force', image);
  }
} finally {
  await engine.stop();
  for (const name of ['cache', 'root', 'layout'])
    rmSync(`${directory}/${name}`, { recursive: true, force: true });
}
