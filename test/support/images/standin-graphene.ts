import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedDirectory, fingerprintOf } from './cache.ts';
import { runTool } from './run-tool.ts';

const sources = fileURLToPath(new URL('../../../runtime-standin', import.meta.url));

/** Builds the stand-in for a release of Graphene, or gives the one in the cache: a tree to name as a runtime. Needs `cc`. */
export async function standinGraphene(release: 'f51aafddf' | '1.1' | '1.2-rc1'): Promise<string> {
  const compiler = await runTool('cc', ['--version']);
  const python = await runTool('python3', ['-c', 'import sys; print(sys.version)']);
  const key = fingerprintOf(['runtime-standin'], [compiler, python, release]);
  return await cachedDirectory(`standin-graphene-${release}`, { key }, async (directory) => {
    await runTool(join(sources, 'build-graphene.sh'), [directory, release], { env: { CFLAGS: '-Werror' } });
  });
}
