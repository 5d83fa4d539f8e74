import {
  chmodSync,
  closeSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { run } from './foreign-tool.ts';

/** What a tar of the sample tree must say about one name, without the slash at the end of directories. */
export interface Expected {
  readonly type: string;
  readonly mode?: number;
  readonly mtimeSeconds?: number;
  readonly linkName?: string;
  readonly content: Buffer;
}

const longName = 'directory-with-a-long-name/'.repeat(9);
const none = Buffer.alloc(0);

/** Bytes that do not repeat. */
export function noise(sizeBytes: number, seed = 1): Buffer {
  let state = seed;
  return Buffer.from(
    Array.from({ length: sizeBytes }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state >>> 24) | 1;
    }),
  );
}

/** Makes files of all kinds that any format can hold, with fixed times; gives what a tar of `t` must hold. */
export function makeTree(
  directory: string,
  options: { readonly hasLongNames: boolean },
): ReadonlyMap<string, Expected> {
  const expected = new Map<string, Expected>();
  const pathOf = (name: string) => Buffer.from(`${directory}/${name}`, 'latin1');
  const finish = (name: string, facts: Expected, seconds: number) => {
    lutimesSync(pathOf(name), seconds, seconds);
    expected.set(name, { ...facts, mtimeSeconds: seconds });
  };
  const addFile = (name: string, content: Buffer, mode: number) => {
    writeFileSync(pathOf(name), content);
    chmodSync(pathOf(name), mode);
    finish(name, { type: 'file', mode, content }, 1_500_000_000 + content.length);
  };
  const addLink = (name: string, target: string) => {
    symlinkSync(Buffer.from(target, 'latin1'), pathOf(name));
    finish(name, { type: 'symlink', linkName: target, content: none }, 1_600_000_000);
  };
  mkdirSync(pathOf('t'));
  for (const sizeBytes of [0, 1, 511, 512, 513, 100_000]) addFile(`t/f${sizeBytes}`, noise(sizeBytes), 0o640);
  addFile('t/setuid', noise(10), 0o4755);
  addFile('t/latin1-\xe9\xff', noise(11), 0o644);
  addFile('t/utf8-\xc3\xa9', noise(12), 0o644);
  addFile('t/new\nline', noise(13), 0o644);
  addLink('t/link', '../else where');
  linkSync(pathOf('t/f513'), pathOf('t/f513-again'));
  if (options.hasLongNames) {
    mkdirSync(pathOf(`t/${longName}`), { recursive: true });
    addFile(`t/${longName}${'f'.repeat(200)}\xff`, noise(14), 0o600);
    addLink('t/long-link', 'l'.repeat(300));
  }
  mkdirSync(pathOf('t/d'));
  chmodSync(pathOf('t/d'), 0o1777);
  finish('t/d', { type: 'directory', mode: 0o1777, content: none }, 1_400_000_000);
  return expected;
}

/** Makes a file of `sizeBytes` with `count` stored parts, each on a new 64 KiB, and gives its content. */
export function makeSparseFile(path: string, count: number, sizeBytes: number): Buffer {
  const content = Buffer.alloc(sizeBytes);
  writeFileSync(path, '');
  truncateSync(path, sizeBytes);
  const file = openSync(path, 'r+');
  for (let i = 0; i < count; i++) {
    const part = noise(4096, i + 1);
    writeSync(file, part, 0, part.length, (2 * i + 1) * 65_536);
    part.copy(content, (2 * i + 1) * 65_536);
  }
  closeSync(file);
  return content;
}

/** A tar of names in a directory, sorted, by a foreign program. */
export function foreignTar(tool: string, directory: string, args: readonly string[]): Buffer {
  return run(tool, ['-c', '-C', directory, ...args]);
}
