// For esbuild: of libraries that are one large module, only what gsc uses. docs/decisions/0035-size.md has the figures.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { transformSync } from 'esbuild';
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
  [/^@sigstore\/core$/, () => resolve('scripts/sigstore-core.cjs')],
  [/^\.\/__generated__\/sigstore_(?:trustroot|verification)$/, () => leftOut],
];

/** An expression for bytes, compressed: WebAssembly as base64 would be the largest modules of all. */
function compressed(bytes) {
  const text = Buffer.from(gzip(bytes, { level: 9 })).toString('base64');
  return `gunzipSync(Buffer.from('${text}', 'base64'))`;
}

/** undici's HTTP parser. */
function llhttp(path) {
  return `const { gunzipSync } = require('node:zlib');\nmodule.exports = ${compressed(require(path))};`;
}

/** The two tables of it that undici's client reads; the others are what it was generated from. */
function llhttpConstants(path) {
  const { ERROR, TYPE } = require(path);
  return `module.exports = ${JSON.stringify({ ERROR, TYPE })};`;
}

/** The channels on which undici tells debuggers what it does: nobody listens. */
function undiciChannels(path) {
  const names = JSON.stringify(Object.keys(require(path).channels));
  return `const channel = { hasSubscribers: false };
module.exports = { channels: Object.fromEntries(${names}.map((name) => [name, channel])) };`;
}

/** Of a module that exports a style sheet as a template, the same without what browsers pass over. */
function styleModule(path) {
  const [head, css, tail] = readFileSync(path, 'utf8').split('`');
  const { code } = transformSync(css, { loader: 'css', minify: true });
  return { contents: `${head}${JSON.stringify(code.trim())}${tail}`, loader: 'ts' };
}

/** zstddec's decoder, which puts its bytes as base64 into a text when it is asked for. */
function zstddec(path) {
  const declaration = /^const wasm = "([\w+/=]+)";$/m;
  const text = readFileSync(path, 'utf8');
  const [, base64] = declaration.exec(text) ?? [];
  if (base64 === undefined) throw new Error(`${path}: expected const wasm = "…"`);
  const lazily = `{ toString: () => ${compressed(Buffer.from(base64, 'base64'))}.toString('base64') }`;
  return `import { gunzipSync } from 'node:zlib';\n${text.replace(declaration, () => `const wasm = ${lazily};`)}`;
}

/** Libraries whose modules do nothing by being loaded, though their package.json does not say so. */
const pure = /^(?:asn1-ts|cborg|smol-toml|yaml)$/;
const pureModule = /\/node_modules\/(?:asn1-ts|cborg|smol-toml|yaml)\//;
const askedOnce = Symbol('asked once');

export const slimLibraries = {
  name: 'slim-libraries',
  setup({ onLoad, onResolve, resolve: resolveModule }) {
    for (const [filter, target] of replaced) onResolve({ filter }, () => ({ path: target() }));
    onResolve({ filter: /./ }, async ({ path, pluginData, ...place }) => {
      const isPure = pure.test(path) || (path.startsWith('.') && pureModule.test(place.importer));
      if (!isPure || pluginData === askedOnce) return undefined;
      const found = await resolveModule(path, { ...place, pluginData: askedOnce });
      return { ...found, sideEffects: false };
    });
    onLoad({ filter: /\/llhttp-wasm\.js$/ }, ({ path }) => ({ contents: llhttp(path) }));
    onLoad({ filter: /\/llhttp\/constants\.js$/ }, ({ path }) => ({ contents: llhttpConstants(path) }));
    onLoad({ filter: /\/undici\/lib\/core\/diagnostics\.js$/ }, ({ path }) => ({
      contents: undiciChannels(path),
    }));
    onLoad({ filter: /\/src\/report\/page-style\.ts$/ }, ({ path }) => styleModule(path));
    onLoad({ filter: /\/zstddec-stream\.mjs$/ }, ({ path }) => ({ contents: zstddec(path) }));
  },
};
