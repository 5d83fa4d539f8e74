// What the sources of gsc are, as 16 hex digits: results that one state of them made are not taken for those of another.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The scripts that decide about the bundle's bytes. */
export const bundlingScripts = [
  'scripts/build.mjs',
  'scripts/bundle.mjs',
  'scripts/direct-imports.mjs',
  'scripts/left-out.cjs',
  'scripts/sigstore-core.cjs',
  'scripts/slim-libraries.mjs',
  'scripts/source-digest.mjs',
  'scripts/undici-entry.cjs',
];

const root = fileURLToPath(new URL('..', import.meta.url));

/** Over the sources, the lock file, and what bundles them. */
export function sourceDigest() {
  const hash = createHash('sha256');
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('src', file))
    .sort();
  for (const file of [...sources, 'package-lock.json', ...bundlingScripts]) {
    const content = readFileSync(join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex').slice(0, 16);
}
