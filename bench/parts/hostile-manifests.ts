import { checkManifest } from '../../src/manifest/schema/check.ts';
import { parseToml } from '../../src/manifest/toml/toml.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';
import { graminizeApp } from '../../test/support/graminized/graminized.ts';
import { file, type HostileCase, imageOf, times } from './hostile-images.ts';

const version = parseRuntimeVersion('1.9');

/** Checks a manifest, and says where each of its problems stands. */
function checks(name: string, textOf: (n: number) => string, n?: number): HostileCase {
  const make = (count: number) => {
    const bytes = Buffer.from(textOf(count));
    return () => checkManifest(parseToml(bytes, 'hostile'), version, 'user');
  };
  return { name, make, ...(n !== undefined && { n }) };
}

/** Graminizes an image of n files with a manifest. */
function builds(name: string, textOf: (n: number) => string, n?: number): HostileCase {
  const make = (count: number) => {
    const image = imageOf([times(count, (i) => file(`opt/d${i}/f`))]);
    const manifest = textOf(count);
    return () => graminizeApp(image, { manifest });
  };
  return { name, make, ...(n !== undefined && { n }) };
}

const list = (key: string, n: number, item: (i: number) => string) =>
  `${key} = [\n${times(n, (i) => `${item(i)},\n`).join('')}]\n`;

export const manifestCases: readonly HostileCase[] = [
  checks('keys that are not known', (n) => times(n, (i) => `sgx.k${i} = 1\n`).join('')),
  checks('tables that are not known', (n) => times(n, (i) => `[t${i}]\nx = 1\n`).join('')),
  checks('tables of an array with a wrong key', (n) => times(n, () => '[[fs.mounts]]\npath = 1\n').join('')),
  checks('inline tables with a wrong key', (n) =>
    list('fs.mounts', n, (i) => `{ path = "/p${i}", uri = ${i} }`),
  ),
  checks('wrong values in one line', (n) => `sgx.trusted_files = [${times(n, (i) => `${i}`).join(', ')}]\n`),
  checks('lines of one text', (n) => `loader.log_level = """\n${'x\n'.repeat(n)}"""\n`),
  checks('characters of a URI', (n) => `sgx.allowed_files = ["file:/${'x/'.repeat(10 * n)}"]\n`),
  checks('characters of a key', (n) => `sgx.${'x'.repeat(10 * n)} = 1\n`),
  checks('comments', (n) => `${'# comment\n'.repeat(n)}x = 1\n`),
  checks('variables', (n) => times(n, (i) => `loader.env.V${i} = "x"\n`).join('')),
  builds('trusted files', (n) => list('sgx.trusted_files', n, (i) => `"file:/opt/d${i}/f"`)),
  builds('trusted directories', (n) => list('sgx.trusted_files', n, (i) => `"file:/opt/d${i}/"`)),
  builds(
    'one trusted directory again and again',
    (n) => list('sgx.trusted_files', n, () => '"file:/opt/"'),
    300,
  ),
  builds('allowed files', (n) => list('sgx.allowed_files', n, (i) => `"file:/opt/d${i}/f"`)),
  builds('allowed directories', (n) => list('sgx.allowed_files', n, (i) => `"file:/opt/d${i}/"`)),
  builds('mounts', (n) => list('fs.mounts', n, (i) => `{ path = "/m${i}", uri = "file:/opt/d${i}" }`), 2000),
  builds(
    'mounts inside each other',
    (n) => list('fs.mounts', n, (i) => `{ path = "/opt/d${i}", uri = "file:/opt/d${(i * 7) % n}" }`),
    2000,
  ),
  builds('tmpfs', (n) => list('fs.mounts', n, (i) => `{ type = "tmpfs", path = "/opt/d${i}" }`), 2000),
  builds(
    'encrypted mounts',
    (n) =>
      list(
        'fs.mounts',
        n,
        (i) => `{ type = "encrypted", path = "/e${i}", uri = "file:/opt/d${i}", key_name = "k${i}" }`,
      ),
    2000,
  ),
  builds('variables of a build', (n) => times(n, (i) => `loader.env.V${i} = "x"\n`).join('')),
];
