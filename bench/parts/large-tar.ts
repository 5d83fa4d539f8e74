import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';

const directory = 'out/bench';
const fileCount = 40_000;
const targetBytes = 1024 * 1024 * 1024;

/** A tar of about 1 GB with 40,000 files of this machine, chosen evenly over /usr by size; made if it is not there. */
export function largeTar(): string {
  const tar = `${directory}/scan.tar`;
  if (existsSync(tar)) return tar;
  mkdirSync(directory, { recursive: true });
  const found = execFileSync('find', ['/usr', '-xdev', '-type', 'f', '-printf', '%s\\t%p\\n'], {
    maxBuffer: 1 << 28,
    encoding: 'utf8',
  });
  const files = found
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ sizeBytes: Number(line.split('\t')[0]), path: line.slice(line.indexOf('\t') + 1) }))
    .sort((a, b) => a.sizeBytes - b.sizeBytes || (a.path < b.path ? -1 : 1));
  const step = files.length / Math.min(fileCount, files.length);
  const chosen = Array.from(
    { length: Math.min(fileCount, files.length) },
    (_, i) => files[Math.floor(i * step)],
  );
  let sum = 0;
  const kept = chosen.filter((file) => {
    sum += file?.sizeBytes ?? 0;
    return file !== undefined && sum < targetBytes;
  });
  const list = kept.map((file) => `${file?.path}\n`).join('');
  execFileSync('tar', ['-cf', tar, '--no-recursion', '-P', '-T', '-'], { input: list });
  return tar;
}
