// Bundles the command line and the library with esbuild, as one script: a process compiles what it calls of it, or has that from the
// cache. Beside it lie small modules that start its parts.
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { directImports } from './direct-imports.mjs';
import { slimLibraries } from './slim-libraries.mjs';
import { sourceDigest } from './source-digest.mjs';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

/** The script's name; it is CommonJS, of which V8 keeps what it has compiled. */
const scriptName = 'gsc-bundle.cjs';

/** The library's entries, by the names of their modules. */
export const libraryEntries = {
  index: 'src/index.ts',
  attest: 'src/attest.ts',
  tools: 'src/tools.ts',
  parts: 'src/parts.ts',
};
/** What the script gives, as functions: of what is not called nothing is run. */
const parts = {
  command: "code => require('./src/cli/main.ts').main(code)",
  scanThread: "() => require('./src/scan-thread.ts')",
  ...Object.fromEntries(
    Object.entries(libraryEntries).map(([name, source]) => [name, `() => require('./${source}')`]),
  ),
};

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  legalComments: 'none',
  // Names too: without that the command would be half as large again. Source maps have them (`npm run build` writes out/maps).
  minify: true,
  write: false,
};

/**
 * Writes the script, the command, the program of the threads that list layers, and the library's modules into a directory, and source
 * maps into `maps` if that is given. Gives esbuild's metafile of the script.
 */
export async function bundleAll(directory, { command = 'gsc.js', maps } = {}) {
  mkdirSync(directory, { recursive: true });
  const script = join(directory, scriptName);
  const metafile = await bundleScript(script, maps);
  await writeStarter(join(directory, command), 'command');
  chmodSync(join(directory, command), 0o755);
  await writeStarter(join(directory, 'gsc-scan-thread.js'), 'scanThread');
  writeLibrary(directory);
  return metafile;
}

/** Writes the script alone, and its source map into `maps` if that is given. Gives esbuild's metafile. */
export async function bundleScript(file, maps) {
  if (maps !== undefined) rmSync(maps, { recursive: true, force: true });
  const { outputFiles, metafile } = await build({
    ...common,
    stdin: { contents: partsAsFunctions(), resolveDir: process.cwd(), sourcefile: 'parts.cjs' },
    outfile: file,
    format: 'cjs',
    supported: { 'dynamic-import': false },
    define: {
      __GSC_VERSION__: JSON.stringify(version),
      __GSC_BUILD__: JSON.stringify(sourceDigest()),
      __GSC_SCAN_THREAD__: '"./gsc-scan-thread.js"',
      'import.meta.url': 'gscPlace',
    },
    // Strict as a whole; else each of its 700 modules would say so.
    banner: { js: scriptHead },
    tsconfigRaw: { compilerOptions: { alwaysStrict: false } },
    plugins: [slimLibraries, directImports],
    metafile: true,
    sourcemap: maps === undefined ? false : 'external',
  });
  for (const { path, text } of outputFiles)
    if (path.endsWith('.map')) write(join(maps, basename(path)), text);
    else write(path, withBuiltins(text));
  return metafile;
}

/** Where a program has the library in a bundle of its own, as an ES module, there is neither `require` nor `__filename`. */
const scriptHead = `'use strict';const builtin=process.getBuiltinModule,gscPlace=builtin('node:url').pathToFileURL(\
typeof __filename==='string'?__filename:(process.argv[1]??process.execPath)).href;`;

/** Node's own modules without `require`; the other word is as long, so that source maps stay right. */
function withBuiltins(script) {
  return script.replace(/\brequire\("([^"]+)"\)/g, (call, name) =>
    isBuiltin(name) ? `builtin(${JSON.stringify(name)})` : call,
  );
}

function partsAsFunctions() {
  return Object.entries(parts)
    .map(([name, body]) => `exports.${name} = ${body};\n`)
    .join('');
}

/** A module that loads the script and calls one of its parts. */
async function writeStarter(file, part) {
  const { outputFiles } = await build({
    ...common,
    stdin: {
      contents: `import { loadBundle } from './src/cli/compiled-code.ts';\nloadBundle('${part}');\n`,
      resolveDir: process.cwd(),
    },
    outfile: file,
    format: 'esm',
    define: { __GSC_SCRIPT__: JSON.stringify(scriptName) },
    banner: part === 'command' ? { js: '#!/usr/bin/env node' } : {},
  });
  for (const { path, text } of outputFiles) write(path, text);
}

/** The library's modules: the names that its entries export, from the script. */
function writeLibrary(directory) {
  const script = createRequire(import.meta.url)(resolve(directory, scriptName));
  for (const entry of Object.keys(libraryEntries)) {
    const names = Object.keys(script[entry]()).sort();
    write(
      join(directory, `${entry}.js`),
      `import gsc from './${scriptName}';\nexport const { ${names.join(', ')} } = gsc.${entry}();\n`,
    );
  }
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
