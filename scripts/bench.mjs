// Bundles and runs one benchmark, or all: node scripts/bench.mjs [NAME]
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { build } from 'esbuild';
import { sourceDigest } from './source-digest.mjs';

const all = readdirSync('bench')
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace('.ts', ''));
const [wanted] = process.argv.slice(2);
const names = wanted === undefined ? all : [wanted];
mkdirSync('out/bench', { recursive: true });
for (const name of names) {
  // As deep as the helpers of the tests, which find the repository by their own place.
  const outfile = `out/bench/bundles/${name}.mjs`;
  await build({
    entryPoints: { [name]: `bench/${name}.ts`, 'scan-thread': 'src/scan-thread.ts' },
    outdir: 'out/bench/bundles',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    define: {
      __GSC_VERSION__: '"bench"',
      __GSC_BUILD__: JSON.stringify(sourceDigest()),
      __GSC_SCAN_THREAD__: '"./scan-thread.mjs"',
    },
    banner: {
      js: "import { createRequire as gscRequire } from 'node:module';const require = gscRequire(import.meta.url);",
    },
  });
  console.log(`\n== ${name}`);
  const { status } = spawnSync(process.execPath, [outfile], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
