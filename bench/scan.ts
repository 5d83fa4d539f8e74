/**
 * How fast a layer of 40,000 files is listed: plain, gzip and zstd, against `sha256sum` of the same tar in the same run.
 *
 *   node scripts/bench.mjs scan                 # all cores
 *   taskset -c 0 node scripts/bench.mjs scan    # one core: no overlap of inflating and hashing
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { digestOfHex } from '../src/base/digest.ts';
import type { Layer } from '../src/image/image.ts';
import { verifiedStream } from '../src/image/verified-stream.ts';
import { scanLayer } from '../src/scan/scan-layer.ts';
import { largeTar } from './parts/large-tar.ts';

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
