/**
 * How long verifying takes, and its peak memory, on an image of 1 GB and 40,000 files: against scanning the same image in the
 * same run (one reading of all layers, and the merged tree), and with a rebuild against a build with an empty cache.
 * Needs root and busybox-static for the image, and a C compiler for the stand-in runtime.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { openImages } from '../src/library/images.ts';
import { scanImage } from '../src/scan/scan-image.ts';
import { standinRuntime } from '../test/support/images/standin-runtime.ts';
import { largeLayout } from './parts/large-layout.ts';
import { type Figure, measuredGsc, measuredPrograms } from './parts/measured-gsc.ts';

const directory = 'out/bench/verify';
const rounds = 3;

async function scan(reference: string): Promise<void> {
  const images = openImages({ usesCache: false });
  const { image } = await images.open(reference);
  await scanImage(image);
  await images.close();
}

async function measure(): Promise<void> {
  const gsc = measuredGsc(directory);
  const program = measuredPrograms(directory);
  const remove = (...names: readonly string[]) => {
    for (const name of names) rmSync(`${directory}/${name}`, { recursive: true, force: true });
  };
  const { root } = await standinRuntime();
  mkdirSync('out/bench/build', { recursive: true });
  const app = `oci:${await largeLayout('out/bench/build')}:latest`;
  const [signed, again, key] = ['signed', 'again', 'key.pem'].map((name) => `${directory}/${name}`);
  remove('signed', 'again', 'key.pem', 'cache');
  gsc(['gen-private-key', '-q', `${key}`]);
  const build = (to: string) => ['build', '-q', '--runtime', root, '--key', `${key}`, '-o', `oci:${to}`, app];
  gsc(build(`${signed}`));
  const figures = new Map<string, Figure[]>();
  const note = (name: string, figure: Figure) => figures.set(name, [...(figures.get(name) ?? []), figure]);
  for (let round = 0; round < rounds; round++) {
    note('scan', program([process.argv[1] ?? '', 'scan', `oci:${signed}`]));
    note('gsc verify-image', gsc(['verify-image', `oci:${signed}`]));
    remove('cache', 'again');
    note('gsc build, cold', gsc(build(`${again}`)));
    remove('cache');
    note('gsc verify-image --base', gsc(['verify-image', '--base', app, `oci:${signed}`]));
    note('gsc diff', gsc(['diff', `oci:${signed}`, `oci:${signed}`]));
  }
  print(figures);
  remove('signed', 'again', 'cache');
}

function print(figures: ReadonlyMap<string, readonly Figure[]>): void {
  console.log(
    `Node ${process.version}, ${cpus().length} cores; best time and highest memory of ${rounds} rounds`,
  );
  for (const [name, all] of figures) {
    const seconds = Math.min(...all.map((figure) => figure.seconds));
    const peak = Math.max(...all.map(({ peakMegabytes }) => peakMegabytes));
    console.log(`  ${name.padEnd(26)} ${seconds.toFixed(2).padStart(6)} s ${peak.toFixed(0).padStart(6)} MB`);
  }
}

const [, , role, reference = ''] = process.argv;
if (role === 'scan') await scan(reference);
else await measure();
