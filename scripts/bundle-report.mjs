// What the bundles of `npm run build` consist of, largest first: bytes and share by library, and by folder of the sources.
// node scripts/bundle-report.mjs [METAFILE]
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Bytes in the outputs for each library or folder of src/; what esbuild adds itself (imports, exports, wrappers) is last. */
export function bytesByOrigin({ outputs }) {
  const bytes = new Map();
  const add = (origin, size) => bytes.set(origin, (bytes.get(origin) ?? 0) + size);
  const modules = Object.entries(outputs).filter(([path]) => /\.c?js$/.test(path));
  for (const [, { bytes: all, inputs }] of modules) {
    let own = all;
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      add(originOf(file), bytesInOutput);
      own -= bytesInOutput;
    }
    add('(imports and exports)', own);
  }
  return [...bytes].sort(([, a], [, b]) => b - a);
}

/** `node_modules/@a/b/c.js` -> `@a/b`; `src/store/registry/x.ts` -> `src/store`. */
function originOf(file) {
  const [, library] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file) ?? [];
  return library ?? file.split('/').slice(0, 2).join('/');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [file = 'out/metafile.json'] = process.argv.slice(2);
  const rows = bytesByOrigin(JSON.parse(readFileSync(file, 'utf8')));
  const total = rows.reduce((sum, [, size]) => sum + size, 0);
  for (const [origin, size] of [...rows, ['total', total]])
    process.stdout.write(
      `${String(size).padStart(9)} ${((100 * size) / total).toFixed(1).padStart(5)}% ${origin}\n`,
    );
}
