import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { asToml, canRunStandin, useWorld } from '../support/standin/world.ts';

const world = useWorld();
const printArguments = ['busybox', 'sh', '-c', 'printf "<%s>" "$0" "$@"'];

describe.skipIf(!canRunStandin)('arguments', () => {
  test.each([
    ['newlines, quotes and backslashes', ['a\nb', '"q"', "it's", 'back\\slash', '\ttab', '']],
    ['text beyond ASCII', ['é', '日本', '😀']],
    ['what looks like an option', ['-n', '--', '=']],
  ])('loader.argv passes %s unchanged', (_, words) => {
    world().manifest(`loader.argv = ${asToml([...printArguments, ...words])}`);
    expect(world().run()).toMatchObject({ code: 0, stdout: words.map((word) => `<${word}>`).join('') });
  });

  test('all escapes of a basic string are read, short and long', () => {
    world().manifest(
      String.raw`loader.argv = ["busybox", "printf", "%s", "\b\t\n\f\r\"\\\u00e9\U0001F600\u007F"]`,
    );
    expect(world().run()).toMatchObject({ code: 0, stdout: '\b\t\n\f\r"\\é😀\u007f' });
  });

  test('loader.argv_src_file holds each argument with a NUL after it', () => {
    world().write('argv', [...printArguments, 'one', 'two\nlines', ''].map((word) => `${word}\0`).join(''));
    const lines = `loader.argv_src_file = "file:${world().directory}/argv"`;
    world().manifest(lines, ['bin/busybox', 'argv']);
    expect(world().run()).toMatchObject({ code: 0, stdout: '<one><two\nlines><>' });
  });

  test('arguments of the command line are discarded when the manifest has its own', () => {
    world().manifest(`loader.argv = ${asToml(['busybox', 'echo', 'mine'])}`);
    const outcome = world().run(['yours']);
    expect(outcome).toMatchObject({ code: 0, stdout: 'mine\n' });
    expect(outcome.stderr).toContain('discarded');
  });

  test('loader.insecure__use_cmdline_argv passes them, and argv[0] is the entrypoint', () => {
    world().manifest('loader.insecure__use_cmdline_argv = true');
    const script = 'printf "%s|" "$@"; cat /proc/$$/cmdline; true';
    const outcome = world().run(['sh', '-c', script, 'x', 'y z']);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout.startsWith('y z|/bin/busybox\0sh\0-c\0')).toBe(true);
  });

  test.each([
    ['an empty loader.argv', 'loader.argv = []', [], 'is empty'],
    ['two sources', 'loader.argv = ["a"]\nloader.insecure__use_cmdline_argv = true', [], 'only one of'],
    ['arguments that no source takes', '', ['x'], 'the manifest takes none'],
    ['a number in loader.argv', 'loader.argv = [1]', [], 'expected a string'],
    ['loader.argv as a string', 'loader.argv = "a"', [], 'expected an array'],
  ])('%s is an error', (_, lines, args, message) => {
    world().manifest(lines);
    const outcome = world().run(args);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(message);
  });

  test.each([
    ['is not listed', 'a\0', false, 'EACCES'],
    ['does not end with NUL', 'a\0b', true, 'end with a NUL'],
    ['is empty', '', true, 'is empty'],
  ])('an argv_src_file that %s is an error', (_, content, isListed, message) => {
    world().write('argv', content);
    const lines = `loader.argv_src_file = "file:${world().directory}/argv"`;
    world().manifest(lines, isListed ? ['bin/busybox', 'argv'] : ['bin/busybox']);
    expect(world().run()).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  });
});

describe.skipIf(!canRunStandin)('environment', () => {
  const printEnvironment = 'loader.argv = ["busybox", "env", "-0"]\n';
  const variables = (stdout: string) => stdout.split('\0').slice(0, -1).sort();

  test('strings, tables with value, and passthrough; nothing else of the host', () => {
    world().manifest(`${printEnvironment}loader.env.A = "1\\n2 = \\"é\\""
loader.env.B = { value = "two" }
loader.env.C = { passthrough = true }
loader.env.NOT_SET = { passthrough = true }
loader.env."with.dot" = "x"`);
    const outcome = world().run([], { C: 'host', D: 'host', A: 'host' });
    expect(variables(outcome.stdout)).toEqual(['A=1\n2 = "é"', 'B=two', 'C=host', 'with.dot=x']);
  });

  test('insecure__use_host_env keeps what the manifest does not name', () => {
    world().manifest(`${printEnvironment}loader.insecure__use_host_env = true\nloader.env.A = "mine"`);
    expect(variables(world().run([], { A: 'host', B: 'host' }).stdout)).toEqual(['A=mine', 'B=host']);
  });

  test('env_src_file replaces the host', () => {
    world().write('env', 'A=file\0B=file\0');
    const lines = `${printEnvironment}loader.env_src_file = "file:${world().directory}/env"\nloader.env.A = "mine"`;
    world().manifest(lines, ['bin/busybox', 'env']);
    expect(variables(world().run([], { C: 'host' }).stdout)).toEqual(['A=mine', 'B=file']);
  });

  test.each([
    ['an empty table', 'loader.env.A = {}', 'exactly one of'],
    ['value and passthrough', 'loader.env.A = { value = "x", passthrough = true }', 'exactly one of'],
    ['passthrough = false', 'loader.env.A = { passthrough = false }', 'can only be true'],
    ['a number', 'loader.env.A = 1', 'expected a string or a table'],
    ['a name with =', 'loader.env."A=B" = "x"', 'no name of a variable'],
  ])('%s is an error', (_, lines, message) => {
    world().manifest(printEnvironment + lines);
    expect(world().run()).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  });

  test('an env_src_file entry without = is an error', () => {
    world().write('env', 'A\0');
    world().manifest(`loader.env_src_file = "file:${world().directory}/env"`, ['bin/busybox', 'env']);
    expect(world().run()).toMatchObject({ code: 1, stderr: expect.stringContaining('without =') });
  });
});

describe.skipIf(!canRunStandin)('user and directory', () => {
  const printId =
    'loader.argv = ["busybox", "sh", "-c", "busybox id; busybox pwd"]\nloader.env.PATH = "/bin"\n';

  test('loader.uid and loader.gid, without other groups', () => {
    world().manifest(`${printId}loader.uid = 1234\nloader.gid = 5678`);
    chmodSync(world().directory, 0o755);
    expect(world().run().stdout).toMatch(/^uid=1234 gid=5678\b(?!.*groups=.*,)/);
  });

  test('without them the user is 0', () => {
    world().manifest(printId);
    expect(world().run().stdout).toMatch(/^uid=0/);
  });

  test('a process that is not root can only be itself', () => {
    world().manifest(`${printId}loader.uid = 65534\nloader.gid = 65534`);
    chmodSync(world().directory, 0o755);
    expect(world().run([], {}, 65534).code).toBe(0);
    const other = world().run([], {}, 1000);
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('uid 65534') });
  });

  test('fs.start_dir may be the place of a mount of any type, and nothing below it', () => {
    const manifest = (directory: string) => {
      world().manifest(
        `loader.argv = ["busybox", "pwd"]\nfs.start_dir = "${directory}"\nfs.mounts = [{ type = "tmpfs", path = "/tmp" }]`,
        ['bin/busybox'],
      );
      return world().run();
    };
    expect(manifest('/tmp/')).toMatchObject({ code: 0, stdout: '/tmp\n' });
    expect(manifest('/tmp/x')).toMatchObject({ code: 1, stderr: expect.stringContaining('/tmp/x') });
  });

  test('fs.start_dir is where the program starts, and what relative names are relative to', () => {
    world().write('data/x/keep', '');
    world().manifest(`${printId}fs.start_dir = "/data/x"`, ['bin/busybox'], '../../bin/busybox');
    expect(world().run().stdout).toContain(`${world().directory}/data/x\n`);
  });

  test.each([
    ['a start_dir that is not there', 'fs.start_dir = "/none"', 'ENOENT|No such file'],
    ['a negative uid', 'loader.uid = -1', 'loader.uid'],
    ['a uid of 33 bits', 'loader.uid = 4294967296', 'loader.uid'],
  ])('%s is an error', (_, lines, message) => {
    world().manifest(printId + lines);
    expect(world().run()).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
  });
});
