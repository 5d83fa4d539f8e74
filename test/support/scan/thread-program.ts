import { join } from 'node:path';
import { build } from 'esbuild';

/** Bundles a program of threads into a directory, and gives its path: the one that lists layers, or one with another source. */
export async function threadProgram(
  directory: string,
  source = "import './src/scan-thread.ts';",
  name = 'thread',
): Promise<string> {
  const file = join(directory, `${name}.mjs`);
  await build({
    stdin: { contents: source, resolveDir: process.cwd(), loader: 'ts' },
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    ignoreAnnotations: true,
    define: { __GSC_VERSION__: '"test"' },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  return file;
}
