// For esbuild: of libraries that are one large module, only what gsc uses. docs/decisions/0035-size.md has the figures.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { gzip } from 'pako';

const require = createRequire(import.meta.url);
const leftOut = resolve('scripts/left-out.cjs');

/** Modules by the names that others import them by -> what they get. */
const replaced = [
  // The dispatchers; fetch, caches, mocks and WebSockets would be a third of the bundle.
  [/^undici$/, () => resolve('scripts/undici-entry.cjs')],
  // HTTP/2 is never asked for, and loading Node's costs every command time. No body of a request is a FormData.
  [/\/(?:client-h2|web\/fetch\/body)(?:\.js)?$/, () => leftOut],
  // The same parser, a little faster, with instructions that not every machine has: undici falls back to the one without.
  [/\/llhttp_simd-wasm\.js$/, () => leftOut],
  // Of ASN.1, what is not in certificates.
  [
    /\/(?:en|de)code(?:Real|Duration|External|EmbeddedPDV|CharacterString|(?:Relative)?OIDIRI|TimeOfDay)\.mjs$/,
    () => leftOut,
  ],
  // As ES modules, of which esbuild takes what is used.
  [/^yaml$/, () => join(dirname(require.resolve('yaml')), '../browser/dist/index.js')],
  // Of sigstore: the envelope and its bundle, no certificates, no time stamps, no verification.
  [/^@sigstore\/core$/, () => join(dirname(require.resolve('@sigstore/core')), 'dsse.js')],
  [/^\.\/__generated__\/sigstore_(?:trustroot|verification)$/, () => leftOut],
];

/** The HTTP parser, compressed: as base64 it would be the largest module of all. */
function compressedWasm(path) {
  const wasm = Buffer.from(gzip(require(path), { level: 9 })).toString('base64');
  return `module.exports = require('node:zlib').gunzipSync(Buffer.from('${wasm}', 'base64'));`;
}

/** The same for zstd's decoder, a string in its module. */
function compressedZstd(path) {
  const text = readFileSync(path, 'utf8');
  const [literal, wasm] = /"(AGFzbQ[\w+/=]+)"/.exec(text) ?? [];
  if (literal === undefined) throw new Error(`${path} has no WebAssembly`);
  const compressed = Buffer.from(gzip(Buffer.from(wasm, 'base64'), { level: 9 })).toString('base64');
  const inflated = `gunzipSync(Buffer.from('${compressed}', 'base64')).toString('base64')`;
  return `import { gunzipSync } from 'node:zlib';${text.replace(literal, () => inflated)}`;
}

export const slimLibraries = {
  name: 'slim-libraries',
  setup({ onLoad, onResolve }) {
    for (const [filter, target] of replaced) onResolve({ filter }, () => ({ path: target() }));
    // None of its modules does anything by being loaded, but its package.json does not say so.
    const unlessUsed = (path) => ({ path, sideEffects: false });
    onResolve({ filter: /^asn1-ts$/ }, () => unlessUsed(resolve('node_modules/asn1-ts/dist/index.mjs')));
    onResolve({ filter: /^\.{1,2}\// }, ({ importer, path }) =>
      importer.includes('/node_modules/asn1-ts/') ? unlessUsed(join(dirname(importer), path)) : undefined,
    );
    onLoad({ filter: /\/llhttp-wasm\.js$/ }, ({ path }) => ({ contents: compressedWasm(path) }));
    onLoad({ filter: /\/zstddec-stream\.mjs$/ }, ({ path }) => ({ contents: compressedZstd(path) }));
  },
};
