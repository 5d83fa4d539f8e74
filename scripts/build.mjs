// Bundles the command line (dist/gsc.js) and the library (dist/index.js, dist/tools.js), and writes the library's types and the
// manual pages (dist/man).
// node scripts/build.mjs --command FILE bundles the command line alone, --library DIRECTORY the library: tests take them there.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { directImports } from './direct-imports.mjs';
import { sourceDigest } from './source-digest.mjs';

const { values } = parseArgs({ options: { command: { type: 'string' }, library: { type: 'string' } } });
const { version, dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const common = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  legalComments: 'none',
  define: { __GSC_VERSION__: JSON.stringify(version), __GSC_BUILD__: JSON.stringify(sourceDigest()) },
};
// CommonJS dependencies ask for Node's own modules through require, which an ES module does not have.
const requireBanner =
  "import { createRequire as gscRequire } from 'node:module';const require = gscRequire(import.meta.url);";

/** Of undici gsc uses the dispatchers: the rest would be a third of the bundle. */
const smallUndici = {
  name: 'small-undici',
  setup: ({ onResolve }) => {
    onResolve({ filter: /^undici$/ }, () => ({ path: resolve('scripts/undici-entry.cjs') }));
    // HTTP/2 is never asked for, and loading Node's costs every command time.
    onResolve({ filter: /\/client-h2(\.js)?$/ }, () => ({ path: resolve('scripts/undici-without-h2.cjs') }));
  },
};

if (values.command !== undefined) await bundleCommandLine(values.command);
else if (values.library !== undefined) await bundleLibrary(values.library);
else {
  rmSync('dist', { recursive: true, force: true });
  await bundleCommandLine('dist/gsc.js');
  await bundleLibrary('dist');
  execFileSync(process.execPath, ['scripts/man-pages.mjs', 'dist/man'], { stdio: 'inherit' });
}

/** The entry, and beside it what commands share or are loaded for alone. */
async function bundleCommandLine(outfile) {
  const name = basename(outfile, '.js');
  removeChunks(dirname(outfile), name);
  await bundleScanThread(`${name}-scan-thread`, dirname(outfile));
  await build({
    ...common,
    define: { ...common.define, __GSC_SCAN_THREAD__: JSON.stringify(`./${name}-scan-thread.js`) },
    entryPoints: { [name]: 'src/cli/main.ts' },
    outdir: dirname(outfile),
    splitting: true,
    // Beside the entry, as deep as the sources lie: a module finds the files that go with it from where it is.
    chunkNames: `${name}-[hash]`,
    minifySyntax: true,
    minifyWhitespace: true,
    plugins: [smallUndici, directImports],
    banner: { js: requireBanner },
  });
  chmodSync(outfile, 0o755);
}

/** Those of an earlier bundle there. */
function removeChunks(directory, name) {
  if (!existsSync(directory)) return;
  const isChunk = (file) => file.startsWith(`${name}-`) && /^-[A-Z0-9]{8}\.js$/.test(file.slice(name.length));
  for (const file of readdirSync(directory).filter(isChunk)) rmSync(join(directory, file));
}

/**
 * What runs in the threads that list layers, in one file: they load faster so. A bundle that is not beside it lists them without
 * threads.
 */
async function bundleScanThread(name, outdir) {
  await build({
    ...common,
    entryPoints: { [name]: 'src/scan-thread.ts' },
    outdir,
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: requireBanner },
  });
}

/** What both entries use is in a file that they share: an error's class is the same for both. */
async function bundleLibrary(outdir) {
  await bundleScanThread('scan-thread', outdir);
  await build({
    ...common,
    define: { ...common.define, __GSC_SCAN_THREAD__: '"./scan-thread.js"' },
    entryPoints: ['src/index.ts', 'src/tools.ts'],
    outdir,
    splitting: true,
    chunkNames: 'shared-[hash]',
    external: Object.keys(dependencies),
  });
  execFileSync('npx', ['tsc', '-p', 'tsconfig.types.json', '--outDir', join(outdir, 'types')], {
    stdio: 'inherit',
  });
}
