// Bundles the command line and the library with esbuild. What several entries use is in chunks beside them, so that a command loads only
// its own code, and an error's class is the same for all.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { directImports } from './direct-imports.mjs';
import { shiftMap } from './shift-map.mjs';
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
 * Writes the entries, the program of the threads that list layers, and their chunks into a directory, and source maps into `maps`
 * if that is given. Chunks of an earlier bundle there are removed. Gives esbuild's metafile.
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
  const mapOf = new Map(outputFiles.map(({ path, text }) => [path, text]));
  for (const [path, { bytes }] of Object.entries(metafile.outputs).filter(([name]) => name.endsWith('.js'))) {
    const file = outputFiles.find((each) => each.path === resolve(path));
    const { text, shift, line } = withOwnHead(rename(file.text));
    metafile.outputs[path].bytes = bytes + shift;
    write(rename(file.path), text);
    const map = mapOf.get(`${file.path}.map`);
    if (map !== undefined) write(join(maps, `${rename(basename(path))}.map`), shiftMap(map, line, shift));
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
 * A function that replaces the names of chunks in a text: `gsc-J4LGBJ52.js` by `gsc-00000017.js`, in the order of what they consist of. Hashes do
 * not compress; as many digits keep columns, and so source maps, as they are.
 */
function shortNames({ outputs }, prefix) {
  const isChunk = new RegExp(`^${prefix}-[A-Z0-9]{8}\\.js$`);
  const chunks = Object.entries(outputs)
    .map(([path, { inputs }]) => ({ name: basename(path), contents: Object.keys(inputs).sort().join() }))
    .filter(({ name }) => isChunk.test(name))
    .sort((a, b) => (a.contents < b.contents ? -1 : 1));
  const numbers = new Map(chunks.map(({ name }, index) => [name, String(index + 1).padStart(8, '0')]));
  const hashed = new RegExp(`${prefix}-[A-Z0-9]{8}\\.js`, 'g');
  return (text) => text.replace(hashed, (name) => `${prefix}-${numbers.get(name)}.js`);
}

/**
 * A module with its imports as they should be, the line (from 0) on which they are, and how much longer it has become.
 *
 * esbuild imports chunks of which nothing is used as well, so that modules run in the order of the sources. None does anything when it is loaded
 * (`sideEffects`), and a chunk's names come from chunks that it imports by name.
 */
function withOwnHead(text) {
  const [, start = '', rest] = /^(#![^\n]*\n)?([\s\S]*)$/.exec(text);
  const shorter = rest.replace(/\bimport"\.\/[\w-]+\.js";/g, '');
  const head = needsRequire(text) ? requireBanner : '';
  return {
    text: `${start}${head}${shorter}`,
    shift: head.length + shorter.length - rest.length,
    line: start === '' ? 0 : 1,
  };
}

/** The module in which esbuild put its own `require`, or one that calls Node's. */
function needsRequire(text) {
  return /\btypeof require\b/.test(text);
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function removeChunks(directory, name) {
  if (!existsSync(directory)) return;
  const isChunk = (file) => file.startsWith(`${name}-`) && /^-\d{8}\.js$/.test(file.slice(name.length));
  for (const file of readdirSync(directory).filter(isChunk)) rmSync(join(directory, file));
}
