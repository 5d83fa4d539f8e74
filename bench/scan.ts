/**
 * How fast a layer of 40,000 files is listed: plain, gzip and zstd, against `sha256sum` of the same tar in the same run.
 *
 *   npx esbuild bench/scan.ts --bundle --platform=node --format=esm --outfile=/tmp/scan/bench.mjs
 *   node /tmp/scan/bench.mjs            # all cores
 *   taskset -c 0 node /tmp/scan/bench.mjs   # one core: no overlap of inflating and hashing
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { digestOfHex } from '../src/base/digest.ts';
import type { Layer } from '../src/image/image.ts';
import { verifiedStream } from '../src/image/verified-stream.ts';
import { scanLayer } from '../src/scan/scan-layer.ts';

const directory = 'out/bench';
const tar = `${directory}/scan.tar`;
const fileCount = 40_000;
const targetBytes = 1024 * 1024 * 1024;

const forms = [
  { name: 'plain', path: tar, make: undefined, type: 'tar' },
  { name: 'gzip', path: `${tar}.gz`, make: ['pigz', '-k', '-6', tar], type: 'tar+gzip' },
  { name: 'zstd', path: `${tar}.zst`, make: ['zstd', '-q', '-k', '-3', tar], type: 'tar+zstd' },
] as const;

/** Chooses files of this machine evenly over /usr, small enough that all together come to about 1 GB. */
function makeTar(): void {
  mkdirSync(directory, { recursive: true });
  const found = execFileSync('find', ['/usr', '-xdev', '-type', 'f', '-printf', '%s\\t%p\\n'], {
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  const files = found
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ sizeBytes: Number(line.split('\t')[0]), path: line.slice(line.indexOf('\t') + 1) }))
    .sort((a, b) => a.sizeBytes - b.sizeBytes || (a.path < b.path ? -1 : 1));
  const step = files.length / Math.min(fileCount, files.length);
  const chosen = Array.from(
    { length: Math.min(fileCount, files.length) },
    (_, i) => files[Math.floor(i * step)],
  );
  let sum = 0;
  const kept = chosen.filter((file) => {
    sum += file?.sizeBytes ?? 0;
    return file !== undefined && sum < targetBytes;
  });
  const list = kept.map((file) => `${file?.path}\n`).join('');
  execFileSync('tar', ['-cf', tar, '--no-recursion', '-P', '-T', '-'], { input: list });
}

function prepare(): void {
  if (!existsSync(tar)) makeTar();
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

const single = process.argv[2];
if (single !== undefined) {
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
    spawnSync(process.execPath, [process.argv[1] ?? '', form.name], { stdio: 'inherit' });
    const rate = Number(readFileSync(`${directory}/scan.${form.name}.rate`, 'utf8'));
    console.log(`  ${(rate / reference).toFixed(2)} of sha256sum`);
  }
}
