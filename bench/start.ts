/**
 * How long an application takes from `docker run` until it is ready, and how much memory it has then: natively, and graminized in
 * direct mode with a stock runtime (full, lean and traced lists) and with one that parses in linear time (full list). The
 * reference is the native run of the same image in the same run; the forms take turns, the best of all rounds counts.
 *
 * In CI with the stand-in and the tests' own images, in an Engine of the tests' own: that shows that the whole path works. By hand
 * with real Gramine: `GSC_BENCH_STOCK=DIR GSC_BENCH_PATCHED=DIR GSC_BENCH_IMAGES=PREFIX node scripts/bench.mjs start`, where
 * PREFIX is put before the names of the programs below, images of the default Engine (`PREFIXpython`, …).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { testEngine } from '../test/support/images/engine.ts';
import { makeImage } from '../test/support/images/make-image.ts';
import { standinRuntime } from '../test/support/images/standin-runtime.ts';

const directory = 'out/bench/start';
const gsc = `${directory}/gsc.js`;
const rounds = Number(process.env.GSC_BENCH_ROUNDS ?? 3);
const readyMs = 180_000;

/** When a program is ready: it has ended, or it answers on a port (to `say`, if it waits for a word). */
interface Program {
  readonly name: string;
  readonly port?: number;
  readonly say?: string;
  /** Options of `gsc build` and `gsc trace`. */
  readonly options: readonly string[];
}

const httpRequest = 'GET / HTTP/1.0\r\n\r\n';
const programs: readonly Program[] = [
  { name: 'python', options: [] },
  { name: 'java', options: [] },
  { name: 'node', port: 8080, say: httpRequest, options: [] },
  { name: 'lighttpd', port: 8080, say: httpRequest, options: [] },
  { name: 'redis', port: 6379, say: 'PING\r\n', options: [] },
  {
    name: 'nginx',
    port: 80,
    say: httpRequest,
    options: ['--volume', '/var/log/nginx=tmpfs', '--volume', '/var/lib/nginx=tmpfs', '--trust', '/var/www'],
  },
];
const standinPrograms: readonly Program[] = [{ name: 'debian-python', options: [] }];

interface Setting {
  readonly environment: NodeJS.ProcessEnv;
  readonly stock: string;
  readonly patched: string | undefined;
  readonly imageOf: (program: Program) => string;
  readonly programs: readonly Program[];
  readonly network: readonly string[];
}

async function realSetting(stock: string): Promise<Setting> {
  return {
    environment: process.env,
    stock,
    patched: process.env.GSC_BENCH_PATCHED,
    imageOf: ({ name }) => `${process.env.GSC_BENCH_IMAGES ?? ''}${name}`,
    programs,
    network: [],
  };
}

async function standinSetting(): Promise<Setting> {
  const engine = await testEngine();
  if (engine === undefined) throw new Error('the benchmark needs a Docker Engine');
  for (const { name } of standinPrograms) {
    const { reference } = await makeImage(name as 'debian-python');
    await engine.load(reference, `${name}:1`);
  }
  return {
    environment: { ...process.env, DOCKER_HOST: engine.host },
    stock: (await standinRuntime()).root,
    patched: undefined,
    imageOf: ({ name }) => `${name}:1`,
    programs: standinPrograms,
    network: ['--network', 'none'],
  };
}

interface Figure {
  readonly seconds: number;
  /** Of servers, once they are ready. */
  readonly megabytes: number | undefined;
}

class Bench {
  readonly #setting: Setting;

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  async measure(program: Program): Promise<void> {
    const image = this.#setting.imageOf(program);
    if (!this.#has(image)) return void process.stdout.write(`${program.name}: there is no image ${image}\n`);
    const forms = this.#build(program, image);
    const figures = new Map<string, Figure[]>();
    for (let round = 0; round < rounds; round++) {
      for (const [form, name] of forms) {
        figures.set(form, [
          ...(figures.get(form) ?? []),
          await this.#start(program, name, form !== 'native'),
        ]);
      }
    }
    report(program.name, figures);
    for (const [form, name] of forms) if (form !== 'native') this.#docker('rmi', '--force', name);
  }

  /** The image of each form by its name. */
  #build(program: Program, image: string): ReadonlyMap<string, string> {
    const { stock, patched } = this.#setting;
    const profile = `${directory}/${program.name}.profile`;
    rmSync(profile, { force: true });
    const probes = program.port === undefined ? [] : ['--http', `http://localhost:${program.port}/`];
    const network = this.#setting.network;
    const common = ['--preset', 'auto', ...program.options];
    // A port that speaks something other than HTTP closes or answers nonsense: both mean that it was asked.
    const traced = program.name === 'redis' ? [] : probes;
    this.#gsc('trace', ...common, ...network, '--runtime', patched ?? stock, ...traced, '-o', profile, image);
    const forms = new Map([['native', image]]);
    const build = (form: string, runtime: string, ...more: readonly string[]) => {
      const name = `gsc-bench-${program.name}:${form.replaceAll(' ', '-')}`;
      this.#gsc('build', '--force', ...common, ...more, '--runtime', runtime, '-o', name, image);
      forms.set(form, name);
    };
    build('stock full', stock);
    build('stock lean', stock, '--trust-level', 'lean');
    build('stock traced', stock, '--profile', profile);
    if (patched !== undefined) build('patched full', patched);
    return forms;
  }

  async #start({ port, say }: Program, image: string, isGraminized: boolean): Promise<Figure> {
    const graminized = isGraminized
      ? ['--env', 'GRAMINE_MODE=direct', '--security-opt', 'seccomp=unconfined']
      : [];
    const start = performance.now();
    const id = this.#docker('run', '--detach', ...this.#setting.network, ...graminized, image);
    try {
      if (port === undefined) {
        const code = this.#docker('wait', id);
        if (code !== '0') throw new Error(`${image} ended with ${code}: ${this.#docker('logs', id)}`);
        return { seconds: (performance.now() - start) / 1000, megabytes: undefined };
      }
      const address = this.#docker('inspect', '--format', '{{.NetworkSettings.IPAddress}}', id);
      await untilAnswer({ address, port, say: say ?? '' }, start + readyMs);
      const seconds = (performance.now() - start) / 1000;
      const used = this.#docker('stats', '--no-stream', '--format', '{{.MemUsage}}', id);
      return { seconds, megabytes: megabytesOf(used) };
    } finally {
      this.#docker('rm', '--force', id);
    }
  }

  #has(image: string): boolean {
    return this.#docker('images', '--quiet', image) !== '';
  }

  #docker(...args: readonly string[]): string {
    return this.#run('docker', args);
  }

  #gsc(...args: readonly string[]): string {
    return this.#run(process.execPath, [gsc, ...args]);
  }

  #run(program: string, args: readonly string[]): string {
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    return execFileSync(program, args, {
      env: this.#setting.environment,
      encoding: 'utf8',
      stdio: [...stdio],
    }).trim();
  }
}

async function untilAnswer(
  { address, port, say }: { readonly address: string; readonly port: number; readonly say: string },
  deadline: number,
): Promise<void> {
  for (;;) {
    if (await answers(address, port, say)) return;
    if (performance.now() > deadline) throw new Error(`nothing answers at ${address}:${port}`);
    await delay(20);
  }
}

function answers(host: string, port: number, say: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port });
    const end = (isAnswer: boolean) => {
      socket.destroy();
      done(isAnswer);
    };
    socket.on('connect', () => socket.write(say));
    socket.on('data', () => end(true));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.setTimeout(30_000, () => end(false));
  });
}

/** Of `12.5MiB / 3.8GiB`. */
function megabytesOf(text: string): number {
  const [, number = '0', unit = 'B'] = /^([\d.]+)(\w+)/.exec(text) ?? [];
  const factors: Readonly<Record<string, number>> = {
    B: 1e-6,
    KiB: 1.024e-3,
    MiB: 1.048576,
    GiB: 1073.741824,
  };
  return Number(number) * (factors[unit] ?? 0);
}

function report(name: string, figures: ReadonlyMap<string, readonly Figure[]>): void {
  const best = new Map(
    [...figures].map(([form, all]) => [form, Math.min(...all.map(({ seconds }) => seconds))]),
  );
  const native = best.get('native') ?? Number.NaN;
  for (const [form, seconds] of best) {
    const memory = Math.min(...(figures.get(form) ?? []).map(({ megabytes = Number.NaN }) => megabytes));
    const shown = Number.isNaN(memory) ? '' : `  ${memory.toFixed(0).padStart(5)} MB`;
    process.stdout.write(
      `${name.padEnd(14)}${form.padEnd(14)}${seconds.toFixed(2).padStart(7)} s  ${(seconds / native).toFixed(2).padStart(6)} x native${shown}\n`,
    );
  }
}

mkdirSync(directory, { recursive: true });
execFileSync(process.execPath, ['scripts/build.mjs', '--command', gsc], { stdio: 'inherit' });
const stock = process.env.GSC_BENCH_STOCK;
const setting = stock === undefined ? await standinSetting() : await realSetting(stock);
const wanted = (process.env.GSC_BENCH_PROGRAMS ?? '').split(',').filter((name) => name !== '');
const bench = new Bench(setting);
for (const program of setting.programs) {
  if (wanted.length === 0 || wanted.includes(program.name)) await bench.measure(program);
}
