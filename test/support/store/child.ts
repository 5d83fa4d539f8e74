import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

export interface ChildResult {
  readonly code: number | null;
  readonly output: string;
}

/**
 * Builds a program, whose imports are relative to the repository's root, and returns a function that starts it as its own process; its
 * arguments follow.
 */
export async function childProgram(directory: string, source: string) {
  const file = join(directory, 'child.mjs');
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: process.cwd(), loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    packages: 'bundle',
    // A program is imported for what it does, which package.json denies.
    ignoreAnnotations: true,
    external: ['vitest'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  writeFileSync(file, outputFiles[0]?.contents ?? '');
  return (...args: readonly string[]) => {
    const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    child.stdout.on('data', (piece) => output.push(piece));
    child.stderr.on('data', (piece) => output.push(piece));
    const done = new Promise<ChildResult>((resolve) => {
      child.on('close', (code) => resolve({ code, output: Buffer.concat(output).toString() }));
    });
    return { child, done };
  };
}
