import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { gscInProcess } from '../support/cli/in-process.ts';
import { writeApp, writeFiles } from '../support/cli/made-files.ts';
import { glibcProgram, staticProgram } from '../support/graminized/app-image.ts';
import { grapheneFiles } from '../support/runtime/make-graphene.ts';
import { testKey } from '../support/signature/test-key.ts';

const gsc = gscInProcess();
const at = (name: string) => join(gsc.directory, name);
const releases = ['f51aafddf', '1.1', '1.2-rc1'] as const;

beforeAll(async () => {
  for (const release of releases) writeFiles(at(release), grapheneFiles(release));
  const run = { Cmd: ['/app', 'x'], Env: ['PATH=/bin:/', 'A=1'], WorkingDir: '/work' };
  await writeApp(at('app'), {
    run,
    entries: [...glibcProgram('tool'), staticProgram('bin/ls'), ['srv/a', 'a']],
  });
  copyFileSync(await testKey(), at('key.pem'));
  // The commit of the first GSC takes the environment from the host.
  writeFileSync(at('policy.yaml'), 'verify-image: {host_environment: ["*"]}\n');
  writeFileSync(at('app.manifest'), 'sgx.isvsvn = 4\n');
  writeFileSync(at('ls.manifest'), 'sgx.thread_num = 8\n');
  writeFileSync(at('sh.manifest'), 'sgx.thread_num = 6\n');
  writeFileSync(at('large.manifest'), 'sgx.enclave_size = 512M\n');
});

let count = 0;

function build(release: string, ...more: readonly string[]) {
  const name = `oci:built-${++count}`;
  return gsc(['build', '--runtime', release, '-o', name, 'oci:app', ...more]).then((result) => ({
    ...result,
    name,
  }));
}

async function built(release: string, ...more: readonly string[]): Promise<string> {
  const { code, stderr, name } = await build(release, '--key', 'key.pem', ...more);
  expect(code, stderr).toBe(0);
  return name;
}

describe.each(releases)('an image with Graphene %s', (release) => {
  test('is verified and built again from the command line', async () => {
    const name = await built(release, 'app.manifest');
    const { code, stdout } = await gsc([
      ...['verify-image', '--base', 'oci:app', '--manifest', 'app.manifest', '--runtime', release],
      ...['--policy', 'policy.yaml', name],
    ]);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/^ok +rebuild /m);
    expect(stdout).toMatch(new RegExp(`^ok +labels .*only a label says: Graphene ${release},`, 'm'));
  });

  test('differs from one with another variable in that variable, and in the measurement', async () => {
    const [one, other] = [await built(release), await built(release, '--env', 'A=2')];
    const { stdout } = await gsc(['diff', one, other]);
    expect(stdout).toMatch(/~ A: "1" -> "2"/);
    expect(stdout).toMatch(/~ MRENCLAVE: /);
  });

  test('has no place in a cluster, for want of a device plugin', async () => {
    const { code, stderr } = await gsc(['kubernetes', await built(release)]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('/dev/isgx and /dev/gsgx, and no device plugin'),
    ]);
  });

  test('makes the machine be looked at for its devices, and for AESM', async () => {
    const { stdout } = await gsc(['doctor', '--json', await built(release)]);
    const { findings } = JSON.parse(stdout) as { findings: readonly { name: string; found: string }[] };
    const found = findings.map(({ name, found: text }) => `${name}: ${text}`).join('\n');
    expect(found).toMatch(/^sgx device: \/dev\/isgx/m);
    expect(found).toMatch(/^sgx device: \/dev\/gsgx/m);
    expect(found).not.toMatch(/^kernel: /m);
  });

  test('is refused as something to trace with, but a profile is taken', async () => {
    const traced = await gsc(['trace', '--runtime', release, 'oci:app']);
    expect([traced.code, traced.stderr]).toEqual([2, expect.stringContaining('got Graphene')]);
    writeFileSync(at('profile'), '/srv/a\n');
    await built(release, '--profile', 'profile');
  });

  test.each([
    ['--env', 'HOME'],
    ['--ratls', 'cert=/a.pem,key=/b.pem'],
    ...(release === '1.2-rc1' ? [] : [['--volume', '/data=tmpfs']]),
    ...(release === 'f51aafddf' ? [['--volume', '/data=encrypted']] : []),
  ])('cannot be built with %s %s, which is named', async (option = '', value = '') => {
    const { code, stderr } = await build(release, option, value);
    expect(code).not.toBe(0);
    expect(stderr).toContain(option);
    expect(stderr).not.toContain('composed manifest');
  });
});

describe('files that a program creates, with sgx.allow_file_creation', () => {
  beforeAll(() => writeFileSync(at('creating.manifest'), 'sgx.allow_file_creation = 1\n'));

  test.each(['f51aafddf', '1.1'])('are named by all that name what is insecure, %s', async (release) => {
    const report = at(`creating-${release}.html`);
    const { code, stderr, name } = await build(
      ...([release, '--key', 'key.pem', '--report', report, 'creating.manifest'] as const),
    );
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('insecure: sgx.allow_file_creation: files that the program creates');
    const info = await gsc(['info-image', '--json', name]);
    expect(JSON.parse(info.stdout).insecure).toContainEqual(
      expect.objectContaining({ key: 'sgx.allow_file_creation' }),
    );
    const page = readFileSync(report, 'utf8');
    expect(page).toContain('sgx.allow_file_creation');
    expect(page).toContain('files that the program creates');
    const refused = await gsc(['verify-image', '--policy', 'policy.yaml', name]);
    expect([refused.code, refused.stdout]).toEqual([
      1,
      expect.stringMatching(/^failed +policy-insecure-options +sgx\.allow_file_creation: /m),
    ]);
    writeFileSync(
      at('creating.yaml'),
      'verify-image: {host_environment: ["*"], insecure_options: [sgx.allow_file_creation]}\n',
    );
    expect((await gsc(['verify-image', '--policy', 'creating.yaml', name])).code).toBe(0);
    const explained = await gsc(['explain', name, '/srv/new', '/etc/hostname']);
    expect(explained.stdout.match(/a program can create it, unprotected/g)).toHaveLength(2);
    const json = await gsc(['explain', '--json', name, '/srv/new']);
    expect(json.stdout).toContain('"can_be_created":true');
  });

  test('are not named without it', async () => {
    const name = await built('1.1');
    expect((await gsc(['explain', name, '/srv/new'])).stdout).not.toContain('can create');
    expect((await gsc(['verify-image', name])).code).toBe(0);
  });
});

describe('the environment of the host', () => {
  test('is what the commit of the first GSC takes, which its reports and the policy say', async () => {
    const { code, stderr, name } = await build('f51aafddf', '--key', 'key.pem');
    expect([code, stderr]).toEqual([0, expect.stringContaining('insecure: loader.insecure__use_host_env: ')]);
    expect(stderr).toContain('all others of the host');
    const refused = await gsc(['verify-image', name]);
    expect([refused.code, refused.stdout]).toEqual([
      1,
      expect.stringMatching(/^failed +policy-host-environment +loader\.insecure__use_host_env: /m),
    ]);
    expect((await gsc(['verify-image', '--policy', 'policy.yaml', name])).code).toBe(0);
  });

  test.each(['insecure__use_host_env = 1', 'env_src_file = file:/srv/a'])(
    'has no key there: loader.%s is an error',
    async (line) => {
      writeFileSync(at('environment.manifest'), `loader.${line}\n`);
      const { code, stderr } = await build('f51aafddf', 'environment.manifest');
      expect(code).not.toBe(0);
      expect(stderr).toContain(line.replace(/ .*/, ''));
    },
  );
});

describe('several manifests', () => {
  const all = ['app.manifest', 'sh.manifest', 'ls.manifest'];
  const given = all.flatMap((file) => ['--manifest', file]);

  test.each(['f51aafddf', '1.1'])('give enclaves that are each verified and named, %s', async (release) => {
    const name = await built(release, ...all);
    const { code, stdout } = await gsc([
      ...['verify-image', '--policy', 'policy.yaml', '--base', 'oci:app', ...given, name],
    ]);
    expect(code, stdout).toBe(0);
    for (const program of ['app', 'sh', 'ls']) {
      expect(stdout).toMatch(new RegExp(`^ok +mrenclave +${program}: MRENCLAVE: [0-9a-f]{64}`, 'm'));
    }
    expect(stdout).toMatch(/^ok +trusted-children +app: sgx\.trusted_children: 2 enclaves/m);
    expect(stdout).toMatch(/^ok +trusted-children +sh: sgx\.trusted_children: 1 enclaves/m);
    expect(stdout).toMatch(/^ok +rebuild /m);
  });

  test('that are more or fewer than the image has are told from each other', async () => {
    const name = await built('1.1', 'app.manifest', 'sh.manifest');
    const verify = (files: readonly string[]) =>
      gsc(['verify-image', '--base', 'oci:app', ...files.flatMap((file) => ['--manifest', file]), name]);
    const more = await verify(all);
    expect([more.code, more.stdout]).toEqual([
      1,
      expect.stringMatching(/^failed +rebuild .*3 manifests were given, and it was built with 2/m),
    ]);
    const fewer = await verify(all.slice(0, 1));
    expect([fewer.code, fewer.stdout]).toEqual([
      0,
      expect.stringMatching(/^not-checked +rebuild .*, sh: give all/m),
    ]);
  });

  test('are verified with what was chosen when they were signed', async () => {
    const { code, stderr, name } = await build('1.1', ...all);
    expect(code, stderr).toBe(0);
    const sign = await gsc(['sign-image', '--isvsvn', '9', '-o', 'oci:chosen', name, 'key.pem']);
    expect(sign.code, sign.stderr).toBe(0);
    const { code: verified, stdout } = await gsc([
      'verify-image',
      '--base',
      'oci:app',
      ...given,
      'oci:chosen',
    ]);
    expect(verified, stdout).toBe(0);
    expect(stdout).toMatch(/^ok +rebuild /m);
    expect(stdout).toMatch(/^ok +manifest-copy +sh: .*sgx\.isvsvn 9 in place of unset/m);
  });

  test('are all needed for a rebuild, in their order', async () => {
    const name = await built('1.1', ...all);
    const verify = ['verify-image', '--base', 'oci:app'];
    const one = await gsc([...verify, '--manifest', 'app.manifest', name]);
    expect(one.stdout).toMatch(/^not-checked +rebuild .*2 programs besides the first, sh, ls/m);
    const turned = [...given.slice(0, 2), ...given.slice(4), ...given.slice(2, 4)];
    const other = await gsc([...verify, ...turned, name]);
    expect([other.code, other.stdout]).toEqual([1, expect.stringMatching(/^failed +rebuild /m)]);
  });

  test('of different enclave sizes are an error that names the other one', async () => {
    const { code, stderr } = await build('1.1', 'large.manifest', 'ls.manifest');
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/ls\.manifest: expected sgx\.enclave_size = 512M, .*, got 256M/),
    ]);
  });

  test.each([
    ['sh.manifest', 'sh.manifest'],
    ['ls.manifest', 'app.manifest'],
  ])('two of one program are an error: %s and %s', async (...others) => {
    const { code, stderr } = await build('1.1', 'large.manifest', ...others);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/two manifests are for the program (?:sh|app)/),
    ]);
  });
});
