/**
 * How fast a layer of 40,000 files is listed: plain, gzip and zstd, against `sha256sum` of the same tar in the same run.
 *
 *   node scripts/bench.mjs scan                 # all cores
 *   taskset -c 0 node scripts/bench.mjs scan    # one core: no overlap of inflating and hashing
 *
 * Then an image of the same files in four layers, in each form, and one of 200,000 files, on one core and on two: how much
 * faster two are, beside what two of `sha256sum` at a time gain over one. Processor time is that of all threads: on a busy
 * machine it says more than the clock.
 */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { digestOfHex } from '../src/base/digest.ts';
import { keepYoungSpaceSmall } from '../src/cli/terminal/heap-growth.ts';
import type { Layer } from '../src/image/image.ts';
import { verifiedStream } from '../src/image/verified-stream.ts';
import { openImages } from '../src/library/images.ts';
import { scanImage } from '../src/scan/scan-image.ts';
import { scanLayer } from '../src/scan/scan-layer.ts';
import { largeTar } from './parts/large-tar.ts';
import { type LayerForm, layeredLayout, layerForms } from './parts/layered-layout.ts';
import { manyFilesLayout } from './parts/many-files-layout.ts';

const directory = 'out/bench';
const tar = `${directory}/scan.tar`;

const forms = [
  { name: 'plain', path: tar, make: undefined, type: 'tar' },
  { name: 'gzip', path: `${tar}.gz`, make: ['pigz', '-k', '-6', tar], type: 'tar+gzip' },
  { name: 'zstd', path: `${tar}.zst`, make: ['zstd', '-q', '-k', '-3', tar], type: 'tar+zstd' },
] as const;

function prepare(): void {
  largeTar();
  for (const form of forms) {
    const [program, ...rest] = form.make ?? [];
    if (program && !existsSync(form.path)) execFileSync(program, rest);
  }
}

function hexOfFile(path: string): string {
  const cache = `${path}.sha256`;
  if (!existsSync(cache)) {
    const out = execFileSync('sha256sum', [path], { encoding: 'utf8' });
    writeFileSync(cache, out.slice(0, 64));
  }
  return readFileSync(cache, 'utf8');
}

function layerOf(path: string, type: string): Layer {
  const descriptor = {
    mediaType: `application/vnd.oci.image.layer.v1.${type}`,
    digest: digestOfHex(hexOfFile(path)),
    sizeBytes: statSync(path).size,
  };
  return {
    descriptor,
    diffId: digestOfHex(hexOfFile(tar)),
    open: () => verifiedStream(createReadStream(path, { highWaterMark: 1 << 20 }), descriptor, path),
  };
}

async function measure(name: string, work: () => Promise<unknown>, sizeBytes: number): Promise<number> {
  const start = performance.now();
  await work();
  const rate = sizeBytes / 1e6 / ((performance.now() - start) / 1000);
  console.log(`${name.padEnd(28)} ${rate.toFixed(0).padStart(6)} MB/s`);
  return rate;
}

// As the command does.
keepYoungSpaceSmall();

type ImageForm = LayerForm | 'many-files';

function layoutOf(form: ImageForm): Promise<string> {
  return form === 'many-files' ? manyFilesLayout(directory) : layeredLayout(directory, form);
}

/** The image of several layers in this form, read by this process; gives the seconds to the one that started it. */
async function scanLayers(form: ImageForm): Promise<void> {
  const images = openImages({ usesCache: false });
  const { image } = await images.open(`oci:${await layoutOf(form)}:latest`);
  const start = performance.now();
  const { indexes } = await scanImage(image);
  const seconds = (performance.now() - start) / 1000;
  await images.close();
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const sizeBytes = indexes.reduce((sum, index) => sum + index.sizeBytes, 0);
  const cpu = (userCPUTime + systemCPUTime) / 1e6;
  console.log(
    `${`scanImage ${form}, ${availableParallelism()} core(s)`.padEnd(32)} ${(sizeBytes / 1e6 / seconds).toFixed(0).padStart(6)} MB/s, ${seconds.toFixed(2)} s, processor ${cpu.toFixed(2)} s, peak memory ${(maxRSS / 1024).toFixed(0)} MB`,
  );
  writeFileSync(secondsFile, String(seconds));
}

const secondsFile = `${directory}/scan.layers.seconds`;
const rounds = 3;

/** The image on one core and on two, turn about: the best of each counts. */
async function compareCores(form: ImageForm): Promise<void> {
  await layoutOf(form);
  const secondsOn = (cores: string): number => {
    spawnSync('taskset', ['-c', cores, process.execPath, program, 'layers', form], { stdio: 'inherit' });
    return Number(readFileSync(secondsFile, 'utf8'));
  };
  const [one, two] = await best(
    async () => secondsOn('0'),
    async () => secondsOn('0,1'),
  );
  console.log(`  two cores: ${(one / two).toFixed(2)} x of one`);
}

/** What two processes gain over one where nothing is shared: the blobs of the plain image in two halves. */
async function compareHashing(): Promise<void> {
  const blobs = `${await layoutOf('plain')}/blobs/sha256`;
  const paths = readdirSync(blobs).map((name) => `${blobs}/${name}`);
  const large = paths.filter((path) => statSync(path).size > 1e8);
  const [first, second] = [large.filter((_, i) => i % 2 === 0), large.filter((_, i) => i % 2 === 1)];
  const hash = promisify(execFile);
  const timed = async (...parts: readonly (readonly string[])[]) => {
    const start = performance.now();
    await Promise.all(parts.map((part) => hash('sha256sum', [...part])));
    return performance.now() - start;
  };
  const [one, two] = await best(
    () => timed(large),
    () => timed(first, second),
  );
  console.log(`sha256sum of the layers, two at a time: ${(one / two).toFixed(2)} x of one`);
}

async function best(
  ...works: readonly [() => Promise<number>, () => Promise<number>]
): Promise<readonly [number, number]> {
  let [one, two] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round++) {
    one = Math.min(one, await works[0]());
    two = Math.min(two, await works[1]());
  }
  return [one, two];
}

const [, program = '', single, form] = process.argv;
if (single === 'layers') await scanLayers(form as ImageForm);
else if (single !== undefined) {
  // One form per process, so that the peak memory is its own.
  const form = forms.find((candidate) => candidate.name === single) ?? forms[0];
  const sizeBytes = statSync(tar).size;
  let entries = 0;
  const rate = await measure(
    `scanLayer ${form.name}`,
    async () => {
      entries = (await scanLayer(layerOf(form.path, form.type), { subject: 'bench' })).entries.length;
    },
    sizeBytes,
  );
  const peak = process.resourceUsage().maxRSS / 1024;
  console.log(`  ${entries} entries, peak memory ${peak.toFixed(0)} MB`);
  writeFileSync(`${directory}/scan.${form.name}.rate`, String(rate));
} else {
  prepare();
  for (const form of forms) hexOfFile(form.path);
  const sizeBytes = statSync(tar).size;
  console.log(`${tar}: ${(sizeBytes / 1e6).toFixed(0)} MB, Node ${process.version}`);
  const reference = await measure(
    'sha256sum',
    async () => void spawnSync('sha256sum', [tar], { stdio: 'ignore' }),
    sizeBytes,
  );
  await measure(
    'node:crypto, one stream',
    async () => {
      const hash = createHash('sha256');
      for await (const piece of createReadStream(tar, { highWaterMark: 1 << 20 }))
        hash.update(piece as Buffer);
      hash.digest();
    },
    sizeBytes,
  );
  for (const form of forms) {
    spawnSync(process.execPath, [program, form.name], { stdio: 'inherit' });
    const rate = Number(readFileSync(`${directory}/scan.${form.name}.rate`, 'utf8'));
    console.log(`  ${(rate / reference).toFixed(2)} of sha256sum`);
  }
  await compareHashing();
  for (const form of [...layerForms, 'many-files'] as const) await compareCores(form);
}
