// Bundles the command line and the library with esbuild. What several entries use is in chunks beside them, so that a command loads only
// its own code, and an error's class is the same for all.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { directImports } from './direct-imports.mjs';
import { slimLibraries } from './slim-libraries.mjs';
import { sourceDigest } from './source-digest.mjs';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
// CommonJS dependencies ask for Node's own modules through require, which an ES module does not have.
const requireBanner =
  "import{createRequire as gscRequire}from'node:module';const require=gscRequire(import.meta.url);";

/** What is bundled, from which entry, by the name of its file. */
export const commandEntry = { gsc: 'src/cli/main.ts' };
export const libraryEntries = {
  index: 'src/index.ts',
  attest: 'src/attest.ts',
  tools: 'src/tools.ts',
  parts: 'src/parts.ts',
};

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  legalComments: 'none',
  // Names too: without that the command would be half as large again. Source maps have them (`npm run build` writes out/maps).
  minify: true,
  define: { __GSC_VERSION__: JSON.stringify(version), __GSC_BUILD__: JSON.stringify(sourceDigest()) },
  plugins: [slimLibraries, directImports],
  metafile: true,
  write: false,
};

/**
 * Writes the entries, the program of the threads that list layers, and their chunks into a directory, and source maps into `maps` if that is given. Chunks of an earlier bundle there go. Gives
 * esbuild's metafile.
 */
export async function bundleModules(entryPoints, outdir, maps) {
  const chunkPrefix = Object.keys(entryPoints)[0];
  const threadProgram = `${chunkPrefix}-scan-thread`;
  removeChunks(outdir, chunkPrefix);
  if (maps !== undefined) rmSync(maps, { recursive: true, force: true });
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: { ...entryPoints, [threadProgram]: 'src/scan-thread.ts' },
    define: { ...common.define, __GSC_SCAN_THREAD__: JSON.stringify(`./${threadProgram}.js`) },
    outdir,
    format: 'esm',
    splitting: true,
    // Beside the entry, as deep as the sources lie: a module finds the files that go with it from where it is.
    chunkNames: `${chunkPrefix}-[hash]`,
    sourcemap: maps === undefined ? false : 'external',
  });
  const rename = shortNames(metafile, chunkPrefix);
  for (const { path, text } of outputFiles) {
    const renamed = rename(text);
    if (path.endsWith('.map')) write(join(maps, rename(basename(path))), text);
    else write(rename(path), needsRequire(text) ? withBanner(renamed) : renamed);
  }
  if ('gsc' in entryPoints) chmodSync(join(outdir, 'gsc.js'), 0o755);
  return JSON.parse(rename(JSON.stringify(metafile)));
}

/**
 * Writes the command as one script (CommonJS), for Node's single executable applications: they load no file but `pkcs11js`, from beside the
 * executable. Gives esbuild's metafile.
 */
export async function bundleScript(outfile) {
  const { outputFiles, metafile } = await build({
    ...common,
    entryPoints: [commandEntry.gsc],
    outfile,
    format: 'cjs',
    supported: { 'dynamic-import': false },
    define: { ...common.define, 'import.meta.url': 'gscPlace' },
    banner: { js: "const gscPlace=require('node:url').pathToFileURL(process.execPath).href;" },
  });
  for (const { path, text } of outputFiles) write(path, text);
  return metafile;
}

/**
 * A function that replaces the names of chunks in a text: `gsc-J4LGBJ52.js` by `gsc-017.js`, in the order of what they consist of. Hashes are 1%
 * of the bundle, and do not compress.
 */
function shortNames({ outputs }, prefix) {
  const isChunk = new RegExp(`^${prefix}-[A-Z0-9]{8}\\.js$`);
  const chunks = Object.entries(outputs)
    .map(([path, { inputs }]) => ({ name: basename(path), contents: Object.keys(inputs).sort().join() }))
    .filter(({ name }) => isChunk.test(name))
    .sort((a, b) => (a.contents < b.contents ? -1 : 1));
  const numbers = new Map(chunks.map(({ name }, index) => [name, String(index + 1).padStart(3, '0')]));
  const hashed = new RegExp(`${prefix}-[A-Z0-9]{8}\\.js`, 'g');
  return (text) => text.replace(hashed, (name) => `${prefix}-${numbers.get(name)}.js`);
}

/** The module in which esbuild put its own `require`, or one that calls Node's. */
function needsRequire(text) {
  return /\btypeof require\b/.test(text);
}

/** After the line that makes a file executable; on the first line of code, so that source maps keep their lines. */
function withBanner(text) {
  const [, start = '', rest] = /^(#![^\n]*\n)?([\s\S]*)$/.exec(text);
  return `${start}${requireBanner}${rest}`;
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function removeChunks(directory, name) {
  if (!existsSync(directory)) return;
  const isChunk = (file) => file.startsWith(`${name}-`) && /^-\d{3}\.js$/.test(file.slice(name.length));
  for (const file of readdirSync(directory).filter(isChunk)) rmSync(join(directory, file));
}
