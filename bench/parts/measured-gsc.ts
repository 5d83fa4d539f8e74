import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

export interface Figure {
  readonly seconds: number;
  readonly peakMegabytes: number;
}

/** Runs a program of Node, with its arguments, in a process that says at its end how much memory it has had. */
export type MeasureProgram = (program: readonly string[]) => Figure;

/** Measures programs, which get a cache below `directory`. A program that does not end with 0 is an error. */
export function measuredPrograms(directory: string): MeasureProgram {
  mkdirSync(directory, { recursive: true });
  const hook = resolve(directory, 'memory.cjs');
  const result = resolve(directory, 'memory.txt');
  writeFileSync(
    hook,
    `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(result)}, String(process.resourceUsage().maxRSS)));\n`,
  );
  return (program) => {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, ['--require', hook, ...program], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, XDG_CACHE_HOME: resolve(directory, 'cache') },
    });
    const seconds = (performance.now() - start) / 1000;
    if (status !== 0) throw new Error(`${program.join(' ')}: ${stderr}`);
    return { seconds, peakMegabytes: Number(readFileSync(result, 'utf8')) / 1024 };
  };
}

/** Bundles gsc below `directory`, and runs it as users do. */
export function measuredGsc(directory: string): (args: readonly string[]) => Figure {
  const measure = measuredPrograms(directory);
  const gsc = `${directory}/gsc.js`;
  execFileSync(process.execPath, ['scripts/build.mjs', '--command', gsc], { stdio: 'inherit' });
  return (args) => measure([gsc, ...args]);
}
