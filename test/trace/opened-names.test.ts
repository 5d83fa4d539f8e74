import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { readTrace } from '../../src/trace/opened-names.ts';
import { call, noise } from '../support/trace/log-lines.ts';

async function read(...lines: readonly string[]) {
  const log = [Buffer.from(lines.join(''), 'latin1')];
  return readTrace(log, { startDirectory: imagePath('/work') });
}

async function openedIn(...lines: readonly string[]): Promise<readonly string[]> {
  const { opened } = await read(...lines);
  return opened.map(
    ({ path, byProgram }) => `${path} ${[...byProgram].map((each) => each.join(' ')).join(', ')}`,
  );
}

const open = (name: string, result = '0x3', flags = 'O_RDONLY|0x80000') =>
  `openat(AT_FDCWD, "${name}", ${flags}, 0000) = ${result}`;

describe('a file was opened', () => {
  test('by whom and how often, sorted by path', async () => {
    const lines = [
      call('1', 'b', open('/z')),
      call('1', 'b', open('/a')),
      call('2', 'a', open('/z')),
      call('1', 'b', open('/z')),
    ];
    expect(await openedIn(...noise, ...lines)).toEqual(['/a b 1', '/z a 1, b 2']);
  });

  test('not if the call failed: a missing name, a refused one', async () => {
    expect(await openedIn(call('1', 'a', open('/a', '-2')), call('1', 'a', open('/b', '-13')))).toEqual([]);
  });

  test('by open, whose result comes in its own message, with others between', async () => {
    const lines = [
      call('1', 'a', 'open("/a", O_RDONLY, 0000) ...'),
      call('1:2', 'a', 'open("/b", O_RDONLY, 0000) ...'),
      call('1', 'a', 'return from open(...) = 0x3'),
      call('1:2', 'a', 'return from open(...) = -2'),
      call('1', 'a', 'open("/never", O_RDONLY, 0000) ...'),
    ];
    expect(await openedIn(...lines)).toEqual(['/a a 1']);
  });

  test('by a relative name, from the start directory, a changed one, or that of a descriptor', async () => {
    const lines = [
      call('1', 'a', open('start')),
      call('1', 'a', 'chdir("sub/x/..") = 0x0'),
      call('1', 'a', open('./changed')),
      call('1', 'a', 'chdir("/nowhere") = -2'),
      call('1', 'a', open('/etc/conf.d', '0x5', 'O_RDONLY|0x90800')),
      call('1', 'a', 'openat(5, "one.conf", O_RDONLY, 0000) = 0x6'),
      call('1', 'a', 'dup2(5, 9) = 0x9'),
      call('1', 'a', 'close(5) = 0x0'),
      call('1', 'a', 'openat(9, "../two.conf", O_RDONLY, 0000) = 0x6'),
      call('1', 'a', 'openat(5, "unknown", O_RDONLY, 0000) = 0x7'),
      call('1', 'a', 'fcntl(9, F_DUPFD_CLOEXEC, 0xa) = 0xb'),
      call('1', 'a', 'fchdir(11) = 0x0'),
      call('1', 'a', open('three.conf')),
    ];
    expect((await openedIn(...lines)).map((line) => line.split(' ')[0])).toEqual([
      '/etc/conf.d',
      '/etc/conf.d/one.conf',
      '/etc/conf.d/three.conf',
      '/etc/two.conf',
      '/work/start',
      '/work/sub/changed',
    ]);
  });

  test('with quotes, commas, blanks, newlines and other bytes in its name', async () => {
    const names = ['/a", O_RDONLY, 0000) = 0x3', '/b, "c"', '/d e', '/f\ng', '/h\xff\xfe', '/i")'];
    const { opened } = await read(...names.map((name) => call('1', 'a', open(name))));
    expect(opened.map(({ path }) => path)).toEqual([...names].sort());
  });

  test('for writing is told apart, and so is one that was made', async () => {
    const lines = [
      call('1', 'a', open('/log', '0x3', 'O_WRONLY|O_APPEND|O_CREAT')),
      call('1', 'a', open('/data', '0x4', 'O_RDWR')),
      call('1', 'a', open('/read', '0x5', 'O_RDONLY')),
      call('1', 'a', open('/flags', '0x5', '|0x80003')),
    ];
    const { opened, written } = await read(...lines);
    expect(opened.map(({ path }) => path)).toEqual(['/flags', '/read']);
    expect(written).toEqual(['/data', '/log']);
  });
});

describe('a program', () => {
  test('counts as opened by the one that started it, once it speaks itself or the log ends', async () => {
    const lines = [
      call('1', 'sh', 'execve("/usr/bin/sort", [sort,-u,], [PWD=/, X=",] ) ...'),
      call('1', 'sort', open('/a')),
      call('1', 'sort', 'execve("./last", [last,], []) ...'),
    ];
    expect(await openedIn(...lines)).toEqual(['/a sort 1', '/usr/bin/sort sh 1', '/work/last sort 1']);
  });

  test('that could not be started does not', async () => {
    const lines = [
      call('1', 'sh', 'execve("/usr/local/bin/sort", [sort,], []) ...'),
      call('1', 'sh', 'return from execve(...) = -2'),
      call('1', 'sh', open('/a')),
    ];
    expect(await openedIn(...lines)).toEqual(['/a sh 1']);
  });
});

describe('a process', () => {
  test('begins where its parent was when it was made, and goes its own ways', async () => {
    const lines = [
      call('1', 'sh', 'chdir("/parent") = 0x0'),
      call('1', 'sh', open('/lists', '0x3')),
      call('1', 'sh', 'clone(CLONE_CHILD_CLEARTID|[SIGCHLD], 0, 0, 0x1, 0) ...'),
      call('2', 'sh', open('in-child', '0x8')),
      call('2', 'sh', 'openat(3, "by-descriptor", O_RDONLY, 0000) = 0x4'),
      call('2', 'sh', 'chdir("/child") = 0x0'),
      call('1', 'sh', 'return from clone(...) = 0x2'),
      call('1', 'sh', 'chdir("/later") = 0x0'),
      call('2', 'sh', open('own')),
      call('1', 'sh', open('own')),
    ];
    expect((await openedIn(...lines)).map((line) => line.split(' ')[0])).toEqual([
      '/child/own',
      '/later/own',
      '/lists',
      '/lists/by-descriptor',
      '/parent/in-child',
    ]);
  });

  test('is known by its number where its parent speaks first', async () => {
    const lines = [
      call('1', 'sh', 'chdir("/one") = 0x0'),
      call('1', 'sh', 'clone([SIGCHLD], 0) ...'),
      call('1', 'sh', 'return from clone(...) = 0x7'),
      call('1', 'sh', 'chdir("/two") = 0x0'),
      call('1', 'sh', 'clone([SIGCHLD], 0) ...'),
      call('9', 'sh', open('of-two')),
      call('7', 'sh', open('of-one')),
      call('1', 'sh', 'return from clone(...) = 0x9'),
    ];
    expect((await openedIn(...lines)).map((line) => line.split(' ')[0])).toEqual([
      '/one/of-one',
      '/two/of-two',
    ]);
  });

  test('that a vfork makes begins there too; a thread makes none', async () => {
    const lines = [
      call('1', 'a', 'chdir("/one") = 0x0'),
      call('1', 'a', 'clone(CLONE_VM|CLONE_FS|CLONE_THREAD, 0x1, 0, 0, 0) ...'),
      call('2', 'b', 'chdir("/two") = 0x0'),
      call('2', 'b', 'vfork() ...'),
      call('3', 'b', open('x')),
    ];
    expect(await openedIn(...lines)).toEqual(['/two/x b 1']);
    expect((await read(...lines)).processCount).toBe(3);
  });

  test('that the log does not say how it was made begins in the start directory', async () => {
    expect(await openedIn(call('7', 'a', open('x')))).toEqual(['/work/x a 1']);
  });
});

test('a log of nothing has opened nothing', async () => {
  expect(await read()).toEqual({ opened: [], written: [], processCount: 0 });
});
