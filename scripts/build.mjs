// Bundles the command line (dist/gsc.js) and the library (dist/index.js), and writes the library's types.
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const { version, dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const common = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  legalComments: 'none',
  define: { __GSC_VERSION__: JSON.stringify(version) },
};
// CommonJS dependencies ask for Node's own modules through require, which an ES module does not have.
const requireBanner =
  "import { createRequire as gscRequire } from 'node:module';const require = gscRequire(import.meta.url);";

rmSync('dist', { recursive: true, force: true });
await build({
  ...common,
  entryPoints: ['src/cli/main.ts'],
  outfile: 'dist/gsc.js',
  minifySyntax: true,
  banner: { js: `#!/usr/bin/env node\n${requireBanner}` },
});
chmodSync('dist/gsc.js', 0o755);
await build({
  ...common,
  entryPoints: ['src/index.ts'],
  outfile: 'dist/index.js',
  external: Object.keys(dependencies),
});
execFileSync('npx', ['tsc', '-p', 'tsconfig.types.json'], { stdio: 'inherit' });
