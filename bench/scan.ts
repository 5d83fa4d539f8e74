/**
 * How fast a layer of 40,000 files is listed: plain, gzip and zstd, against `sha256sum` of the same tar in the same run.
 *
 *   node scripts/bench.mjs scan                 # all cores
 *   taskset -c 0 node scripts/bench.mjs scan    # one core: no overlap of inflating and hashing
 *
 * Then an image of the same files in four layers, in each form, on one core and on all of them. Processor time is that of all
 * threads: on a busy machine it says more than the clock.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
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

/** The image of several layers in this form, read by this process. */
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
    `${`scanImage ${form}, ${availableParallelism()} core(s)`.padEnd(28)} ${(sizeBytes / 1e6 / seconds).toFixed(0).padStart(6)} MB/s, ${seconds.toFixed(2)} s, processor ${cpu.toFixed(2)} s, peak memory ${(maxRSS / 1024).toFixed(0)} MB`,
  );
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
  for (const form of layerForms) {
    await layeredLayout(directory, form);
    const command = [process.execPath, program, 'layers', form];
    spawnSync('taskset', ['-c', '0', ...command], { stdio: 'inherit' });
    spawnSync(process.execPath, command.slice(1), { stdio: 'inherit' });
  }
}
