import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asToml, canRunStandin, useWorld, type World } from '../support/standin/world.ts';

const world = useWorld();

describe.skipIf(!canRunStandin)('trusted files', () => {
  const hello = 'loader.argv = ["busybox", "echo", "hello"]\n';

  test('an executable with another hash is EPERM', () => {
    world().write('other', 'x');
    const text = world().manifest(hello, ['bin/busybox', 'other']);
    const [mine, its] = [...text.matchAll(/"([0-9a-f]{64})"/g)].map((match) => match[1] ?? '');
    world().write('app.manifest', text.replace(mine ?? '', its ?? ''));
    expect(world().run()).toMatchObject({ code: 1, stderr: expect.stringContaining('EPERM') });
  });

  test('an executable that is not listed is EACCES', () => {
    world().manifest(hello, []);
    expect(world().run()).toMatchObject({ code: 1, stderr: expect.stringContaining('EACCES') });
  });

  test.each(['bin/busybox', 'bin', 'bin/'])('sgx.allowed_files covers it by %s', (path) => {
    world().manifest(`${hello}sgx.allowed_files = ["file:${world().directory}/${path}"]`, []);
    expect(world().run()).toMatchObject({ code: 0, stdout: 'hello\n' });
  });

  test.each([{}, { GSC_STANDIN_VERIFY: 'all' }])(
    'sgx.allowed_files wins over a hash that differs (%j)',
    (environment) => {
      const text = world().manifest(`${hello}sgx.allowed_files = ["file:${world().directory}/bin/"]`, [
        'bin/busybox',
      ]);
      world().write('app.manifest', text.replace(/"[0-9a-f]{64}"/, `"${'0'.repeat(64)}"`));
      expect(world().run([], environment)).toMatchObject({ code: 0, stdout: 'hello\n' });
    },
  );

  test('a chroot mount of what is not there is ENOENT, an encrypted one is not looked at', () => {
    const mount = (type: string) => `fs.mounts = [{ type = "${type}", path = "/x", uri = "file:/none" }]`;
    world().manifest(`${hello}${mount('chroot')}`);
    expect(world().run()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/mounting file:\/none under \/x: ENOENT/),
    });
    world().manifest(`${hello}${mount('encrypted')}`);
    expect(world().run()).toMatchObject({ code: 0, stdout: 'hello\n' });
  });

  test('an entry of sgx.allowed_files is not a prefix of names', () => {
    world().manifest(`${hello}sgx.allowed_files = ["file:${world().directory}/bi"]`, []);
    expect(world().run().code).toBe(1);
  });

  test('file_check_policy = allow_all_but_log lets it through and says so', () => {
    world().manifest(`${hello}sgx.file_check_policy = "allow_all_but_log"`, []);
    expect(world().run()).toMatchObject({ code: 0, stderr: expect.stringContaining('not listed') });
  });

  test.each([
    ['a bare string', '"file:/x"'],
    ['a table without sha256', '{ uri = "file:/x" }'],
    ['a hash that is too short', '{ uri = "file:/x", sha256 = "12" }'],
    ['a table without uri', `{ sha256 = "${'0'.repeat(64)}" }`],
    ['a uri that is no file', `{ uri = "dev:/x", sha256 = "${'0'.repeat(64)}" }`],
  ])('%s anywhere in the list is EINVAL', (_, entry) => {
    const text = world().manifest(hello);
    world().write('app.manifest', text.replace('sgx.trusted_files = [', `sgx.trusted_files = [${entry},`));
    expect(world().run()).toMatchObject({ code: 1, stderr: expect.stringContaining('EINVAL') });
  });

  test('[[sgx.trusted_files]] blocks are read as well', () => {
    const text = world().manifest(hello, []).replace('sgx.trusted_files = [\n]', '');
    const block = world()
      .trusted('bin/busybox')
      .replace(/^\{ (.*), (sha256.*) \}$/, '$1\n$2');
    world().write('app.manifest', `${text}[[sgx.trusted_files]]\n${block}\n`);
    expect(world().run()).toMatchObject({ code: 0, stdout: 'hello\n' });
  });

  test('GSC_STANDIN_VERIFY=all names every file that differs and starts nothing', () => {
    for (const name of ['a', 'b', 'c', 'd']) world().write(name, name);
    world().manifest(hello, ['bin/busybox', 'a', 'b', 'c', 'd']);
    expect(world().run([], { GSC_STANDIN_VERIFY: 'all' })).toMatchObject({ code: 0, stdout: 'hello\n' });
    world().write('b', 'changed');
    world().write('d', 'changed');
    expect(world().run()).toMatchObject({ code: 0 });
    const outcome = world().run([], { GSC_STANDIN_VERIFY: 'all' });
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr.match(/trusted file \S+/g)).toEqual(
      ['b', 'd'].map((name) => `trusted file ${world().directory}/${name}:`),
    );
  });
});

describe.skipIf(!canRunStandin)('programs', () => {
  const interpreterLine = (world: World) => `#!${world.directory}/bin/busybox sh\n`;

  test('a script is started by the interpreter of its #! line', () => {
    world().write('run', `${interpreterLine(world())}echo "$1"\n`, 0o755);
    // Natively the kernel looks up the interpreter's path on the host: a mount makes that name valid inside too.
    const mount = `fs.mounts = [{ path = "${world().directory}", uri = "file:${world().directory}" }]\n`;
    world().manifest(`${mount}loader.argv = ["run", "from a script"]`, ['bin/busybox', 'run'], '/run');
    expect(world().run()).toMatchObject({ code: 0, stdout: 'from a script\n' });
    world().manifest(`${mount}loader.argv = ["run", "x"]`, ['run'], '/run');
    expect(world().run()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/interpreter of the script.*EACCES/),
    });
  });

  test('mounts map paths, and the last that matches decides', () => {
    world().write('one/f', '');
    mkdirSync(join(world().directory, 'prog'));
    symlinkSync('../bin/busybox', join(world().directory, 'prog/busybox'));
    const lines = `loader.argv = ["busybox", "echo", "mounted"]
fs.mounts = [
  { path = "/opt", uri = "file:${world().directory}/one" },
  { type = "chroot", path = "/opt", uri = "file:${world().directory}/bin/../bin/." }, # the one that counts
]`;
    world().manifest(lines, ['bin/busybox'], '/opt//./busybox');
    expect(world().run()).toMatchObject({ code: 0, stdout: 'mounted\n' });
  });

  test.each([
    ['in a tmpfs', 'fs.mounts = [{ type = "tmpfs", path = "/bin" }]', '/bin/busybox', 'ENOENT'],
    ['that is not there', '', '/bin/none', 'ENOENT'],
    ['that is a directory', '', '/bin', 'ENOENT'],
    ['given as a URI', '', 'file:/bin/busybox', 'expected a path'],
    ['that is text', '', '/text', 'ENOEXEC'],
  ])('an executable %s is an error', (_, lines, entrypoint, message) => {
    world().write('text', 'no program', 0o755);
    world().manifest(lines, ['bin/busybox', 'text'], entrypoint);
    expect(world().run()).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  });

  test('the ELF interpreter is sought by its base name in LD_LIBRARY_PATH, and stand-in libraries are not used', () => {
    const node = process.execPath;
    const glibc = join(world().package, 'runtime/glibc');
    const lines = (files: readonly string[]) => `loader.argv = ["node", "-p", "process.env.LD_LIBRARY_PATH"]
loader.env.LD_LIBRARY_PATH = "${glibc}:/usr/lib:/nowhere"
fs.mounts = [
  { path = "${dirname(node)}", uri = "file:${dirname(node)}" },
  { path = "${glibc}", uri = "file:${glibc}" },
]
sgx.allowed_files = ${asToml(files.map((file) => `file:${file}`))}`;
    world().manifest(lines([node, glibc]), [], node);
    expect(world().run()).toMatchObject({ code: 0, stdout: '/usr/lib:/nowhere\n' });
    world().manifest(lines([node]), [], node);
    expect(world().run()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/ELF interpreter.*EACCES/),
    });
  });

  test('an ELF interpreter that is in no such directory is ENOENT', () => {
    const node = process.execPath;
    const lines = `loader.env.LD_LIBRARY_PATH = "/nowhere"
fs.mounts = [{ path = "${dirname(node)}", uri = "file:${dirname(node)}" }]
sgx.allowed_files = ["file:${node}"]`;
    world().manifest(lines, [], node);
    expect(world().run()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/ELF interpreter.*ENOENT/),
    });
  });
});
