import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type GscHere, gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeRuntime } from '../support/cli/made-files.ts';

const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

let gsc: GscHere;
beforeAll(async () => {
  gsc = gscInProcess();
  writeRuntime(join(gsc.directory, 'runtime'));
  await writeApp(join(gsc.directory, 'app'), {
    entries: [
      ['etc/app.conf', 'conf'],
      ['var/www/page', 'page'],
      ['var/lib/dbus', { link: '/etc' }],
      ['var/log/app/log', { link: '/dev/stdout' }],
      ['usr/share/doc/x', 'doc'],
      ['a b\u00e9', 'odd'],
    ],
  });
  const built = await gsc(['build', '--runtime', 'runtime', '-o', 'oci:out:app', 'oci:app:latest']);
  expect(built.code, built.stderr).toBe(0);
});

describe('gsc explain', () => {
  test('shows what the manifest of a graminized image makes of paths, in the order asked', async () => {
    const { code, stdout, stderr } = await gsc([
      'explain',
      'oci:out:app',
      '/etc/app.conf',
      '/var/www/page',
      '/',
    ]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        [
          '^/etc/app.conf: trusted',
          `  sha256   ${sha256('conf')}`,
          '  content  4 B from layer 1 of 3, sha256:[0-9a-f]{64}',
          '/var/www/page: refused',
          '  because  the manifest does not list it; by default, the rule /var: .*',
          '  option   --trust /var/www/page',
          '  content  4 B from layer 1 of 3, sha256:[0-9a-f]{64}',
          '/: a directory',
          '  below    \\d+ files trusted, \\d+ refused\n$',
        ].join('\n'),
      ),
    );
    expect(stderr).toBe('');
  });

  test('says about a trusted file that the container user may not read it', async () => {
    await writeApp(join(gsc.directory, 'private'), {
      run: { User: '1000' },
      entries: [
        ['etc/private.conf', 'conf', 0o600],
        ['etc/open.conf', 'conf'],
      ],
    });
    const explain = [
      'explain',
      '--runtime',
      'runtime',
      'oci:private:latest',
      '/etc/private.conf',
      '/etc/open.conf',
    ];
    const { code, stdout, stderr } = await gsc(explain);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(
      /^\/etc\/private\.conf: trusted\n[\s\S]* {2}but {6}uid 1000 may not read \/etc\/private\.conf \(mode 0600 of 0:0\), so opening it fails$/m,
    );
    expect(stdout.match(/opening it fails/g)?.length).toBe(1);
    const json = JSON.parse((await gsc([...explain, '--json'])).stdout);
    expect(json.paths.map(({ in_image }: { in_image: object }) => in_image)).toMatchObject([
      { readable: false },
      { readable: true },
    ]);
  });

  test('shows what a build with the same options would make of an app image', async () => {
    const explain = async (...options: readonly string[]) => {
      const { code, stdout, stderr } = await gsc(['explain', '--runtime', 'runtime', '--json', ...options]);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout).paths.map(({ verdict }: { readonly verdict: string }) => verdict);
    };
    const paths = ['oci:app:latest', '/etc/app.conf', '/var/www/page', '/usr/share/doc/x', '/data/x'];
    expect(await explain(...paths)).toEqual(['trusted', 'refused', 'trusted', 'absent']);
    expect(await explain('--trust', '/var/**/p*', '--exclude', '/etc/*', ...paths)).toEqual([
      'refused',
      'trusted',
      'trusted',
      'absent',
    ]);
    expect(await explain('--trust-level', 'lean', '--volume', '/data=tmpfs', ...paths)).toEqual([
      'trusted',
      'refused',
      'refused',
      'tmpfs',
    ]);
    writeFileSync(join(gsc.directory, 'm.toml'), 'sgx.allowed_files = ["file:/data"]\n');
    expect(await explain('--manifest', 'm.toml', ...paths)).toEqual([
      'trusted',
      'refused',
      'trusted',
      'allowed',
    ]);
  });

  test('names in JSON the layer, the rule and the option', async () => {
    const { stdout } = await gsc([
      'explain',
      ...['--runtime', 'runtime', '--trust-level', 'lean', '--json', 'oci:app:latest'],
      ...['/usr/share/doc/x', 'a b\u00e9', '/var/log/app/log', '/gramine/runtime/libsysdb.so'],
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      image: 'oci:app:latest',
      paths: [
        {
          path: '/usr/share/doc/x',
          verdict: 'refused',
          rule: '/usr/share/doc',
          rule_is_default: false,
          option: '--trust /usr/share/doc/x or --trust-level full',
          in_image: { kind: 'file', sha256: sha256('doc'), layer: { number: 1 } },
        },
        { path: '/a b\u00e9', verdict: 'trusted', sha256: sha256('odd'), intact: true },
        { verdict: 'refused', link_target: '/dev/stdout', in_image: { kind: 'nothing' } },
        { verdict: 'refused', reason: expect.stringMatching(/runtime/), in_image: { layer: { number: 2 } } },
      ],
    });
  });

  test('does not call trusted what the engine replaces', async () => {
    const options = [
      '--runtime',
      'runtime',
      '--file',
      'runtime/hosts:/etc/hostname',
      'oci:app:latest',
      '/etc/hostname',
    ];
    writeFileSync(join(gsc.directory, 'runtime/hosts'), 'h');
    const { stdout } = await gsc(['explain', ...options]);
    expect(stdout).toMatch(/^\/etc\/hostname: refused: .*\n {2}sha256 .*\n {2}but +the engine puts/);
    expect(JSON.parse((await gsc(['explain', '--json', ...options])).stdout).paths[0]).toMatchObject({
      intact: false,
    });
  });

  test('names the link to trust where the name goes through one that is left out', async () => {
    for (const image of ['oci:out:app', 'oci:app:latest']) {
      const { stdout } = await gsc(['explain', '--runtime', 'runtime', image, '/var/lib/dbus/app.conf']);
      expect(stdout).toMatch(
        / {2}but +it is trusted under the name \/etc\/app.conf\n {2}option +--trust \/var\/lib\/dbus\n/,
      );
    }
  });

  test('wants at least one path', async () => {
    expect(await gsc(['explain', 'oci:out:app'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/PATH/),
    });
  });
});

describe('gsc build', () => {
  const build = (...options: readonly string[]) =>
    gsc(['build', '--runtime', 'runtime', '--force', '-o', 'oci:out:other', ...options, 'oci:app:latest']);

  test('names the places to write to and the data left out, with the options that decide', async () => {
    const { code, stderr } = await build();
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(
      'decide with --volume PATH=tmpfs, =encrypted[:KEYNAME] or =allowed:\n    /var/log/app: ',
    );
    expect(stderr).toContain('--trust PATH trusts it:\n    /var/www: 1 file, 4 B\n');
    expect(stderr).toMatch(
      /^warning: \/var\/log\/app: log -> \/dev\/stdout: .*--volume \/var\/log\/app=tmpfs/m,
    );
  });

  test('says nothing more of places that are decided', async () => {
    const { stderr } = await build('--volume', '/var/log/app=tmpfs', '--trust', '/var/www');
    expect(stderr).not.toMatch(/decide with|trusts it|dev\/stdout/);
  });

  test('warns of an argument that is left out, and says it in JSON', async () => {
    const { stdout, stderr } = await build('--cmd', '["/app", "/var/www/page"]', '--json');
    expect(stderr).toContain(
      'warning: /var/www is left out, but argument 1 is there: trust it with --trust /var/www\n',
    );
    expect(JSON.parse(stdout)).toMatchObject({
      trust_level: 'full',
      start_costs: { full: { trusted_files: expect.any(Number) }, lean: {} },
      write_places: [{ path: '/var/log/app', sign: 'standard-stream', option: '--volume' }],
      application_data: [{ path: '/var/www', signs: ['argument 1', 'the place'], files: 1, size: 4 }],
    });
  });

  test('predicts what the other level of trust would cost, and groups what lean leaves out', async () => {
    expect((await build()).stderr).toMatch(/start-up .*; with --trust-level lean: \d+ trusted files, /);
    const lean = await build('--trust-level', 'lean');
    expect(lean.stderr).toMatch(/start-up .*; with --trust-level full: \d+ trusted files, /);
    expect(lean.stderr).toMatch(/^ +1 {2}lean \(3 B\): documentation/m);
  });

  test('refuses a pattern to trust that matches nothing, and warns of one to leave out', async () => {
    expect(await build('--trust', '/nope/*')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/--trust \/nope\/\*: it matches nothing/),
    });
    const warned = await build('--exclude', '/nope/*');
    expect(warned.code).toBe(0);
    expect(warned.stderr).toContain('warning: --exclude /nope/*: the image does not have it');
    expect(await build('--exclude', '/[z-a]')).toMatchObject({ code: 2 });
  });
});
