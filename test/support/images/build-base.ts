import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { distributionFor } from '../../../src/runtime/recipe/distribution.ts';
import { cachedDirectory, fingerprintOf } from './cache.ts';
import { mirrors } from './debian-python-image.ts';
import { imageTime } from './recipe.ts';
import { runTool } from './run-tool.ts';

/** Not in the root: the package that the build must get from its mirror. */
const missingPackage = 'nasm';

/** A Debian root that runtimes can be built in, and a mirror of Debian that has the one package which it lacks. */
export interface BuildBase {
  /** A tar of the root. */
  readonly root: string;
  /** What a web server serves as the root of `http://HOST/`: `debian/` and `debian-security/`. */
  readonly mirror: string;
}

/**
 * Makes the base once, from a Debian mirror: with everything that the Dockerfiles install but for one package, so that a
 * build installs from a mirror on loopback and needs no other. Needs mmdebstrap.
 */
export async function buildBase(): Promise<BuildBase> {
  const packages = neededPackages();
  const key = fingerprintOf(['test/support/images/build-base.ts'], packages);
  const directory = await cachedDirectory('build-base', { key }, async (unfinished) => {
    const downloads = join(unfinished, 'mirror/debian/pool');
    await mkdir(downloads, { recursive: true });
    await runTool(
      'mmdebstrap',
      [
        '--quiet',
        '--variant=minbase',
        ...['doc', 'man', 'info', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
        `--include=${packages.join(',')}`,
        `--customize-hook=chroot "$1" sh -c 'cd /tmp && apt-get -qq download ${missingPackage}' && mv "$1"/tmp/*.deb "${downloads}"`,
        // A mirror on loopback has no signature of Debian's.
        `--customize-hook=printf 'Acquire::AllowInsecureRepositories "true";\\nAPT::Get::AllowUnauthenticated "true";\\n' >"$1"/etc/apt/apt.conf.d/90loopback`,
        'bookworm',
        join(unfinished, 'root.tar'),
        ...mirrors(),
      ],
      { env: { SOURCE_DATE_EPOCH: String(imageTime) } },
    );
    await writeLists(join(unfinished, 'mirror'), downloads);
  });
  return { root: join(directory, 'root.tar'), mirror: join(directory, 'mirror') };
}

function neededPackages(): readonly string[] {
  const gramine = distributionFor('gramine', 'debian:12')?.packages ?? [];
  const graphene = distributionFor('graphene', 'ubuntu:18.04')?.packages ?? [];
  return [...new Set([...gramine, ...graphene])].filter((name) => name !== missingPackage).sort();
}

/** The lists of packages of every suite that a Debian may ask for; empty but for the one. */
async function writeLists(mirror: string, downloads: string): Promise<void> {
  const [name] = await readdir(downloads);
  if (name === undefined) throw new Error(`${missingPackage} was not downloaded`);
  const file = join(downloads, name);
  const control = await runTool('dpkg-deb', ['--field', file]);
  const { length } = await readFile(file);
  const sha256 = (await runTool('sha256sum', [file])).split(' ')[0];
  const stanza = `${control.trim()}\nFilename: pool/${name}\nSize: ${length}\nSHA256: ${sha256}\n\n`;
  for (const [archive, suite, text] of [
    ['debian', 'bookworm', stanza],
    ['debian', 'bookworm-updates', ''],
    ['debian-security', 'bookworm-security', ''],
  ] as const) {
    const place = join(mirror, archive, 'dists', suite, 'main/binary-amd64');
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'Packages'), text);
  }
}
