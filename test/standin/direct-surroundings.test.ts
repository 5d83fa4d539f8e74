import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asToml, canRunStandin, useWorld } from '../support/standin/world.ts';

const world = useWorld();
const echo = 'loader.argv = ["busybox", "echo", "hello"]\n';

describe.skipIf(!canRunStandin)('a chroot mount', () => {
  const mounted = (path: string) =>
    `${echo}fs.mounts = [{ path = "/shown", uri = "file:${join(world().directory, path)}" }]`;

  test('of what the host does not have stops the start', () => {
    world().manifest(mounted('none'));
    expect(world().run()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/none under \/shown: ENOENT/),
    });
  });

  test('of a trusted file with another content stops the start; one that is not listed does not', () => {
    world().write('file', 'x');
    const text = world().manifest(mounted('file'), ['bin/busybox', 'file']);
    expect(world().run()).toMatchObject({ code: 0, stdout: 'hello\n' });
    world().write('file', 'y');
    expect(world().run()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/file at \/shown .*EPERM/),
    });
    world().write('app.manifest', text.replace(/ {2}\{ uri = "file:[^"]*\/file".*\n/, ''));
    expect(world().run()).toMatchObject({ code: 0, stdout: 'hello\n' });
  });
});

test.skipIf(!canRunStandin)('standard error comes out on standard output, in order', () => {
  world().manifest(`loader.argv = ${asToml(['busybox', 'sh', '-c', 'echo a; echo b >&2; echo c'])}`);
  expect(world().run()).toMatchObject({
    code: 0,
    stdout: 'a\nb\nc\n',
    stderr: expect.not.stringContaining('b\n'),
  });
});

describe.skipIf(!canRunStandin)('SIGTERM', () => {
  const argv = `loader.argv = ${asToml(['busybox', 'sh', '-c', 'trap "echo term" TERM; kill -TERM $$; echo end'])}\n`;

  test('does not reach the application by default', () => {
    world().manifest(argv);
    expect(world().run()).toMatchObject({ code: 0, stdout: 'end\n' });
  });

  test('does if the manifest lets it in', () => {
    world().manifest(`${argv}sys.enable_sigterm_injection = true`);
    expect(world().run()).toMatchObject({ code: 0, stdout: 'term\nend\n' });
  });
});

describe.skipIf(!canRunStandin)('/etc/hosts', () => {
  test('that is not trusted is reported, with the error that opening it would give', () => {
    world().manifest(echo);
    expect(world().run().stderr).toContain('/etc/hosts cannot be opened inside (EACCES)');
    const mount = `${echo}fs.mounts = [{ path = "/etc/hosts", uri = "file:${world().directory}/h" }]`;
    world().write('h', '127.0.0.1 localhost\n');
    world().manifest(mount, ['bin/busybox', 'h']);
    expect(world().run().stderr).not.toContain('/etc/hosts');
  });
});

describe.skipIf(!canRunStandin || !existsSync('/usr/share/zoneinfo'))('the data of the C library', () => {
  const variables = (mounts: readonly string[]) => {
    const library = `{ path = "/glibc", uri = "file:${world().package}/runtime/glibc" }`;
    world().manifest(`loader.argv = ["busybox", "env"]
loader.env.LD_LIBRARY_PATH = "/glibc"
fs.mounts = [${[library, ...mounts].join(', ')}]`);
    return world().run().stdout.split('\n');
  };

  test('that the image has and no mount shows is not found', () => {
    expect(variables([])).toContain('TZDIR=/dev/null/usr/share/zoneinfo');
  });

  test("is where the mounts show it; the image's own place needs no word", () => {
    const zones = (uri: string) => `{ path = "/usr/share/zoneinfo", uri = "file:${uri}" }`;
    expect(variables([zones('/usr/share/zoneinfo')]).join()).not.toContain('TZDIR');
    world().write('zones/UTC', 'utc');
    const own = join(world().directory, 'zones');
    expect(variables([zones(own)])).toContain(`TZDIR=${own}`);
  });

  test("is the image's own for a program on the image's own C library", () => {
    world().manifest('loader.argv = ["busybox", "env"]');
    expect(world().run().stdout).not.toMatch(/^(?:TZDIR|LOCPATH|GCONV_PATH)=/m);
  });
});

describe.skipIf(!canRunStandin)('/dev/attestation', () => {
  const attesting = `${echo}sgx.remote_attestation = "dcap"`;

  test('needs a SIGSTRUCT, whose enclave the quotes are of', () => {
    world().manifest(attesting);
    expect(world().run([], { GSC_STANDIN_QUOTES: '/nowhere.sock' })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/app\.sig: the SIGSTRUCT, which quotes need, cannot be read/),
    });
    world().write('app.sig', 'short');
    expect(world().run([], { GSC_STANDIN_QUOTES: '/nowhere.sock' })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/app\.sig: expected 1808 bytes, got 5/),
    });
  });

  test('is not made without a source of quotes, or without DCAP', () => {
    world().manifest(attesting);
    expect(world().run()).toMatchObject({ code: 0, stdout: 'hello\n' });
    world().manifest(echo);
    expect(world().run([], { GSC_STANDIN_QUOTES: '/nowhere.sock' })).toMatchObject({ code: 0 });
    expect(existsSync('/dev/attestation')).toBe(false);
  });
});
