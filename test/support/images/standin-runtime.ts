import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedDirectory, fingerprintOf } from './cache.ts';
import { runTool } from './run-tool.ts';

const sources = fileURLToPath(new URL('../../../runtime-standin', import.meta.url));

/** A built stand-in runtime: a tree like an installed Gramine. */
export interface StandinRuntime {
  readonly root: string;
  /** Gramine's package directory in it: `libsysdb.so`, `sgx/`, `direct/`, `runtime/glibc/`. */
  readonly package: string;
}

/** Where Debian puts the headers of Mbed TLS, which the stand-in's programs for attestation are built with. */
export const mbedTlsHeader = '/usr/include/mbedtls/version.h';

function mbedTlsVersion(): string {
  return existsSync(mbedTlsHeader) ? readFileSync(mbedTlsHeader, 'utf8') : '';
}

/** Builds the stand-in runtime, or gives the one in the cache. Needs `cc` and a static C library. */
export async function standinRuntime(options: { readonly cache?: string } = {}): Promise<StandinRuntime> {
  const compiler = await runTool('cc', ['--version']);
  const key = fingerprintOf(['runtime-standin'], [compiler, mbedTlsVersion()]);
  const root = await cachedDirectory('standin-runtime', { key, cache: options.cache }, async (directory) => {
    await runTool(join(sources, 'build.sh'), [directory], { env: { CFLAGS: '-Werror' } });
  });
  return { root, package: join(root, 'usr/lib/x86_64-linux-gnu/gramine') };
}
