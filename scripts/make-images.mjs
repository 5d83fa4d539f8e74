// Makes the test images: node scripts/make-images.mjs [--to DIR] [NAME...]; prints one reference per line.
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const { values, positionals } = parseArgs({ options: { to: { type: 'string' } }, allowPositionals: true });
const { imageNames, makeImage } = await loadMaker();
const unknown = positionals.filter((name) => !imageNames.includes(name));
if (unknown.length > 0) {
  console.error(`make-images: unknown image ${unknown.join(', ')}; there are ${imageNames.join(', ')}`);
  process.exit(2);
}
for (const name of positionals.length > 0 ? positionals : imageNames) {
  console.log((await makeImage(name, values.to === undefined ? {} : { cache: values.to })).reference);
}

/** The maker is TypeScript, which Node 20 does not run by itself. The bundle lies as deep as its source: it finds the repository by its own place. */
async function loadMaker() {
  const outfile = new URL(`../out/bundle/images/make-image-${process.pid}.mjs`, import.meta.url);
  const entry = new URL('../test/support/images/make-image.ts', import.meta.url);
  try {
    await build({
      entryPoints: [fileURLToPath(entry)],
      outfile: fileURLToPath(outfile),
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'warning',
    });
    return await import(outfile.href);
  } finally {
    await rm(outfile, { force: true });
  }
}
