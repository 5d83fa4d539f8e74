import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type StandinRuntime, standinRuntime } from '../images/standin-runtime.ts';
import { hasTool } from '../store/tool.ts';
import { World } from './world.ts';

const isRoot = process.getuid?.() === 0;
const canRun = isRoot && hasTool('cc') && hasTool('busybox');
if (!canRun && process.env.CI) throw new Error('the stand-in is tested as root, with cc and busybox-static');
if (!canRun) process.stderr.write('SKIPPED: the stand-in is tested as root, with cc and busybox-static\n');

let runtime: StandinRuntime;
let world: World;
beforeEach(async () => {
  runtime = await standinRuntime();
  world = new World(runtime);
});
afterEach(() => world.remove());

const printArguments = ['busybox', 'sh', '-c', 'printf "<%s>" "$0" "$@"'];
const asToml = (words: readonly string[]) => `[${words.map((word) => JSON.stringify(word)).join(', ')}]`;

describe.skipIf(!canRun)('arguments', () => {
  test.each([
    ['newlines, quotes and backslashes', ['a\nb', '"q"', "it's", 'back\\slash', '\ttab', '']],
    ['text beyond ASCII', ['é', '日本', '😀']],
    ['what looks like an option', ['-n', '--', '=']],
  ])('loader.argv passes %s unchanged', (_, words) => {
    world.manifest(`loader.argv = ${asToml([...printArguments, ...words])}`);
    expect(world.run()).toMatchObject({ code: 0, stdout: words.map((word) => `<${word}>`).join('') });
  });

  test('all escapes of a basic string are read, short and long', () => {
    world.manifest(
      String.raw`loader.argv = ["busybox", "printf", "%s", "\b\t\n\f\r\"\\\u00e9\U0001F600\u007F"]`,
    );
    expect(world.run()).toMatchObject({ code: 0, stdout: '\b\t\n\f\r"\\é😀\u007f' });
  });

  test('loader.argv_src_file holds each argument with a NUL behind it', () => {
    world.write('argv', [...printArguments, 'one', 'two\nlines', ''].map((word) => `${word}\0`).join(''));
    const lines = `loader.argv_src_file = "file:${world.directory}/argv"`;
    world.manifest(lines, ['bin/busybox', 'argv']);
    expect(world.run()).toMatchObject({ code: 0, stdout: '<one><two\nlines><>' });
  });

  test('arguments of the command line are discarded when the manifest has its own', () => {
    world.manifest(`loader.argv = ${asToml(['busybox', 'echo', 'mine'])}`);
    const outcome = world.run(['yours']);
    expect(outcome).toMatchObject({ code: 0, stdout: 'mine\n' });
    expect(outcome.stderr).toContain('discarded');
  });

  test('loader.insecure__use_cmdline_argv passes them, and argv[0] is the entrypoint', () => {
    world.manifest('loader.insecure__use_cmdline_argv = true');
    const script = 'printf "%s|" "$@"; cat /proc/$$/cmdline; true';
    const outcome = world.run(['sh', '-c', script, 'x', 'y z']);
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
    world.manifest(lines);
    const outcome = world.run(args);
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(message);
  });

  test.each([
    ['is not listed', 'a\0', false, 'EACCES'],
    ['does not end with NUL', 'a\0b', true, 'end with a NUL'],
    ['is empty', '', true, 'is empty'],
  ])('an argv_src_file that %s is an error', (_, content, isListed, message) => {
    world.write('argv', content);
    const lines = `loader.argv_src_file = "file:${world.directory}/argv"`;
    world.manifest(lines, isListed ? ['bin/busybox', 'argv'] : ['bin/busybox']);
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  });
});

describe.skipIf(!canRun)('environment', () => {
  const printEnvironment = 'loader.argv = ["busybox", "env", "-0"]\n';
  const variables = (stdout: string) => stdout.split('\0').slice(0, -1).sort();

  test('strings, tables with value, and passthrough; nothing else of the host', () => {
    world.manifest(`${printEnvironment}loader.env.A = "1\\n2 = \\"é\\""
loader.env.B = { value = "two" }
loader.env.C = { passthrough = true }
loader.env.NOT_SET = { passthrough = true }
loader.env."with.dot" = "x"`);
    const outcome = world.run([], { C: 'host', D: 'host', A: 'host' });
    expect(variables(outcome.stdout)).toEqual(['A=1\n2 = "é"', 'B=two', 'C=host', 'with.dot=x']);
  });

  test('insecure__use_host_env keeps what the manifest does not name', () => {
    world.manifest(`${printEnvironment}loader.insecure__use_host_env = true\nloader.env.A = "mine"`);
    expect(variables(world.run([], { A: 'host', B: 'host' }).stdout)).toEqual(['A=mine', 'B=host']);
  });

  test('env_src_file replaces the host', () => {
    world.write('env', 'A=file\0B=file\0');
    const lines = `${printEnvironment}loader.env_src_file = "file:${world.directory}/env"\nloader.env.A = "mine"`;
    world.manifest(lines, ['bin/busybox', 'env']);
    expect(variables(world.run([], { C: 'host' }).stdout)).toEqual(['A=mine', 'B=file']);
  });

  test.each([
    ['an empty table', 'loader.env.A = {}', 'exactly one of'],
    ['value and passthrough', 'loader.env.A = { value = "x", passthrough = true }', 'exactly one of'],
    ['passthrough = false', 'loader.env.A = { passthrough = false }', 'can only be true'],
    ['a number', 'loader.env.A = 1', 'expected a string or a table'],
    ['a name with =', 'loader.env."A=B" = "x"', 'no name of a variable'],
  ])('%s is an error', (_, lines, message) => {
    world.manifest(printEnvironment + lines);
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  });

  test('an env_src_file entry without = is an error', () => {
    world.write('env', 'A\0');
    world.manifest(`loader.env_src_file = "file:${world.directory}/env"`, ['bin/busybox', 'env']);
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringContaining('without =') });
  });
});

describe.skipIf(!canRun)('user and directory', () => {
  const printId =
    'loader.argv = ["busybox", "sh", "-c", "busybox id; busybox pwd"]\nloader.env.PATH = "/bin"\n';

  test('loader.uid and loader.gid, without other groups', () => {
    world.manifest(`${printId}loader.uid = 1234\nloader.gid = 5678`);
    chmodSync(world.directory, 0o755);
    expect(world.run().stdout).toMatch(/^uid=1234 gid=5678\b(?!.*groups=.*,)/);
  });

  test('without them the user is 0', () => {
    world.manifest(printId);
    expect(world.run().stdout).toMatch(/^uid=0/);
  });

  test('a process that is no root can only be itself', () => {
    world.manifest(`${printId}loader.uid = 65534\nloader.gid = 65534`);
    chmodSync(world.directory, 0o755);
    expect(world.run([], {}, 65534).code).toBe(0);
    const other = world.run([], {}, 1000);
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('uid 65534') });
  });

  test('fs.start_dir is where the program starts, and relative names count from', () => {
    world.write('data/x/keep', '');
    world.manifest(`${printId}fs.start_dir = "/data/x"`, ['bin/busybox'], '../../bin/busybox');
    expect(world.run().stdout).toContain(`${world.directory}/data/x\n`);
  });

  test.each([
    ['a start_dir that is not there', 'fs.start_dir = "/none"', 'ENOENT|No such file'],
    ['a negative uid', 'loader.uid = -1', 'loader.uid'],
    ['a uid of 33 bits', 'loader.uid = 4294967296', 'loader.uid'],
  ])('%s is an error', (_, lines, message) => {
    world.manifest(printId + lines);
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
  });
});

describe.skipIf(!canRun)('trusted files', () => {
  const hello = 'loader.argv = ["busybox", "echo", "hello"]\n';

  test('an executable with another hash is EPERM', () => {
    world.write('other', 'x');
    const text = world.manifest(hello, ['bin/busybox', 'other']);
    const [mine, its] = [...text.matchAll(/"([0-9a-f]{64})"/g)].map((match) => match[1] ?? '');
    world.write('app.manifest', text.replace(mine ?? '', its ?? ''));
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringContaining('EPERM') });
  });

  test('an executable that is not listed is EACCES', () => {
    world.manifest(hello, []);
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringContaining('EACCES') });
  });

  test.each(['bin/busybox', 'bin', 'bin/'])('sgx.allowed_files covers it by %s', (path) => {
    world.manifest(`${hello}sgx.allowed_files = ["file:${world.directory}/${path}"]`, []);
    expect(world.run()).toMatchObject({ code: 0, stdout: 'hello\n' });
  });

  test('sgx.allowed_files is no prefix of names', () => {
    world.manifest(`${hello}sgx.allowed_files = ["file:${world.directory}/bi"]`, []);
    expect(world.run().code).toBe(1);
  });

  test('file_check_policy = allow_all_but_log lets it through and says so', () => {
    world.manifest(`${hello}sgx.file_check_policy = "allow_all_but_log"`, []);
    expect(world.run()).toMatchObject({ code: 0, stderr: expect.stringContaining('not listed') });
  });

  test.each([
    ['a bare string', '"file:/x"'],
    ['a table without sha256', '{ uri = "file:/x" }'],
    ['a hash that is too short', '{ uri = "file:/x", sha256 = "12" }'],
    ['a table without uri', `{ sha256 = "${'0'.repeat(64)}" }`],
    ['a uri that is no file', `{ uri = "dev:/x", sha256 = "${'0'.repeat(64)}" }`],
  ])('%s anywhere in the list is EINVAL', (_, entry) => {
    const text = world.manifest(hello);
    world.write('app.manifest', text.replace('sgx.trusted_files = [', `sgx.trusted_files = [${entry},`));
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringContaining('EINVAL') });
  });

  test('[[sgx.trusted_files]] blocks are read as well', () => {
    const text = world.manifest(hello, []).replace('sgx.trusted_files = [\n]', '');
    const block = world.trusted('bin/busybox').replace(/^\{ (.*), (sha256.*) \}$/, '$1\n$2');
    world.write('app.manifest', `${text}[[sgx.trusted_files]]\n${block}\n`);
    expect(world.run()).toMatchObject({ code: 0, stdout: 'hello\n' });
  });

  test('GSC_STANDIN_VERIFY=all names every file that differs and starts nothing', () => {
    for (const name of ['a', 'b', 'c', 'd']) world.write(name, name);
    world.manifest(hello, ['bin/busybox', 'a', 'b', 'c', 'd']);
    expect(world.run([], { GSC_STANDIN_VERIFY: 'all' })).toMatchObject({ code: 0, stdout: 'hello\n' });
    world.write('b', 'changed');
    world.write('d', 'changed');
    expect(world.run()).toMatchObject({ code: 0 });
    const outcome = world.run([], { GSC_STANDIN_VERIFY: 'all' });
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr.match(/trusted file \S+/g)).toEqual(
      ['b', 'd'].map((name) => `trusted file ${world.directory}/${name}:`),
    );
  });
});

describe.skipIf(!canRun)('programs', () => {
  const interpreterLine = (world: World) => `#!${world.directory}/bin/busybox sh\n`;

  test('a script is started by the interpreter of its #! line', () => {
    world.write('run', `${interpreterLine(world)}echo "$1"\n`, 0o755);
    // Natively the kernel looks up the interpreter's path on the host: a mount makes that name valid inside too.
    const mount = `fs.mounts = [{ path = "${world.directory}", uri = "file:${world.directory}" }]\n`;
    world.manifest(`${mount}loader.argv = ["run", "from a script"]`, ['bin/busybox', 'run'], '/run');
    expect(world.run()).toMatchObject({ code: 0, stdout: 'from a script\n' });
    world.manifest(`${mount}loader.argv = ["run", "x"]`, ['run'], '/run');
    expect(world.run()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/interpreter of the script.*EACCES/),
    });
  });

  test('mounts map paths, and the last that matches decides', () => {
    world.write('one/f', '');
    mkdirSync(join(world.directory, 'prog'));
    symlinkSync('../bin/busybox', join(world.directory, 'prog/busybox'));
    const lines = `loader.argv = ["busybox", "echo", "mounted"]
fs.mounts = [
  { path = "/opt", uri = "file:${world.directory}/one" },
  { type = "chroot", path = "/opt", uri = "file:${world.directory}/bin/../bin/." }, # the one that counts
]`;
    world.manifest(lines, ['bin/busybox'], '/opt//./busybox');
    expect(world.run()).toMatchObject({ code: 0, stdout: 'mounted\n' });
  });

  test.each([
    ['in a tmpfs', 'fs.mounts = [{ type = "tmpfs", path = "/bin" }]', '/bin/busybox', 'ENOENT'],
    ['that is not there', '', '/bin/none', 'ENOENT'],
    ['that is a directory', '', '/bin', 'ENOENT'],
    ['given as a URI', '', 'file:/bin/busybox', 'expected a path'],
    ['that is text', '', '/text', 'ENOEXEC'],
  ])('an executable %s is an error', (_, lines, entrypoint, message) => {
    world.write('text', 'no program', 0o755);
    world.manifest(lines, ['bin/busybox', 'text'], entrypoint);
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  });

  test('the ELF interpreter is sought by its base name in LD_LIBRARY_PATH, and stand-in libraries are not used', () => {
    const node = process.execPath;
    const glibc = join(runtime.package, 'runtime/glibc');
    const lines = (files: readonly string[]) => `loader.argv = ["node", "-p", "process.env.LD_LIBRARY_PATH"]
loader.env.LD_LIBRARY_PATH = "${glibc}:/usr/lib:/nowhere"
fs.mounts = [
  { path = "${dirname(node)}", uri = "file:${dirname(node)}" },
  { path = "${glibc}", uri = "file:${glibc}" },
]
sgx.allowed_files = ${asToml(files.map((file) => `file:${file}`))}`;
    world.manifest(lines([node, glibc]), [], node);
    expect(world.run()).toMatchObject({ code: 0, stdout: '/usr/lib:/nowhere\n' });
    world.manifest(lines([node]), [], node);
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringMatching(/ELF interpreter.*EACCES/) });
  });

  test('an ELF interpreter that is in no such directory is ENOENT', () => {
    const node = process.execPath;
    const lines = `loader.env.LD_LIBRARY_PATH = "/nowhere"
fs.mounts = [{ path = "${dirname(node)}", uri = "file:${dirname(node)}" }]
sgx.allowed_files = ["file:${node}"]`;
    world.manifest(lines, [], node);
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringMatching(/ELF interpreter.*ENOENT/) });
  });
});

describe.skipIf(!canRun)('the manifest', () => {
  test('a missing one is an error that names it', () => {
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringContaining('app.manifest') });
  });

  test.each([
    ['an unclosed string', 'a = "x', 'closing quote'],
    ['an unknown escape', 'a = "\\x41"', 'unknown escape'],
    ['a surrogate', 'a = "\\ud800"', 'no character'],
    ['an escaped NUL', 'a = "\\u0000"', 'no character'],
    ['a control character', 'a = "\u0001"', 'control character'],
    ['a key twice', 'a = 1\na = 2', 'there already'],
    ['a table twice', '[a]\n[b]\n[a]', 'there already'],
    ['an addition to an inline table', 'a = {}\na.b = 1', 'written inline'],
    ['an addition to an array', 'a = []\n[[a]]', 'no array of tables'],
    ['a value where a table should be', 'a = 1\na.b = 2', 'not a table'],
    ['an array without its end', 'a = [1, 2', 'expected , or ]'],
    ['an inline table without its end', 'a = { b = 1', 'expected , or }'],
    ['no value', 'a =', 'expected a value'],
    ['no key', '= 1', 'expected a key'],
    ['two pairs on a line', 'a = 1 b = 2', 'end of the line'],
    ['a leading zero', 'a = 012', 'expected a string'],
    ['a float', 'a = 1.5', 'expected a string'],
    ['too many digits', 'a = 9223372036854775808', 'expected a string'],
    ['a multi-line string', 'a = """x"""', 'multi-line'],
    ['nesting without end', `a = ${'['.repeat(100)}`, 'too deep'],
  ])('%s is an error that names the line', (_, text, message) => {
    world.write('app.manifest', `# comment\n\n${text}`);
    const outcome = world.run();
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).toMatch(/app\.manifest: line [3-5]: /);
  });

  test('a NUL byte is an error', () => {
    world.write('app.manifest', 'a = 1\n\0');
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringContaining('NUL byte') });
  });

  test('integers in all forms, literal strings, odd keys and CRLF line ends are read', () => {
    const text = world.manifest(
      `loader.argv = ["busybox", 'id', '-u']\nloader.uid = 0x3_E8 # 1000\nloader . "gid" = 0b11\n[odd.'a.b'."ć"]\nx = [[1], [-2, +3,],\n # note\n { a.b = 0o17 }]`,
    );
    chmodSync(world.directory, 0o755);
    world.write('app.manifest', text.replaceAll('\n', '\r\n'));
    expect(world.run()).toMatchObject({ code: 0, stdout: '1000\n' });
  });

  test.each(['loader.exec = "file:x"', 'sgx.sigfile = "x"'])('%s is refused, as Gramine 1.9 does', (line) => {
    world.manifest(line);
    expect(world.run()).toMatchObject({ code: 1, stderr: expect.stringContaining('no longer supported') });
  });
});
