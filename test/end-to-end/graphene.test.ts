import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { container, type EngineStage, engineWith } from '../support/end-to-end/engine-stage.ts';
import { needs, stageForTests, succeeding } from '../support/end-to-end/stage.ts';
import { ToolFailure } from '../support/images/run-tool.ts';
import { standinGraphene } from '../support/images/standin-graphene.ts';
import { hasTool } from '../support/tool.ts';

// Debian is fetched the first time.
vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();
const releases = ['f51aafddf', '1.1', '1.2-rc1'] as const;
const runtimes = new Map<string, string>();
const insecure = [...container, '-e', 'GSC_PAL=Linux'];

beforeAll(async () => {
  if (!hasTool('cc')) return;
  for (const release of releases) runtimes.set(release, await standinGraphene(release));
}, 600_000);

function build(release: string, ...more: readonly string[]): readonly string[] {
  return ['build', '--runtime', runtimes.get(release) ?? '', '--key', stage().key, ...more];
}

function write(name: string, text: string): string {
  const file = join(stage().gsc.directory, name);
  writeFileSync(file, text);
  return file;
}

/** Runs a container that ends with this code; gives what it wrote to standard error. */
async function ending({ engine }: EngineStage, code: number, ...words: readonly string[]): Promise<string> {
  const error: unknown = await engine.docker(...words).catch((reason: unknown) => reason);
  if (!(error instanceof ToolFailure)) throw new Error(`${words.join(' ')}: ended with 0: ${error}`);
  expect(error.message).toContain(` ended with ${code}: `);
  return error.stderr;
}

describe.each(releases)('an image with Graphene %s', (release) => {
  const image = `graphene-${release}:1`;

  test('is built, signed, inspected, and runs without SGX like the original', async (context) => {
    const place = await engineWith(context, 'debian-python');
    const { engine, env } = place;
    const { gsc, key } = stage();
    const built = await succeeding(gsc, build(release, 'debian-python:1', '-o', image, '--json'), { env });
    const { mr_enclave: measured } = JSON.parse(built.stdout);
    expect(built.stderr).toMatch(/--device=\/dev\/isgx/);
    const info = await succeeding(gsc, ['info-image', image], { env });
    expect(info.stdout).toContain(`mr_enclave = "${measured}"`);
    const original = await engine.docker(...container, 'debian-python:1');
    expect(await engine.docker(...insecure, image)).toBe(original);

    const unsigned = [...build(release, 'debian-python:1', '-o', `${image}-u`, '--json')];
    unsigned.splice(unsigned.indexOf('--key'), 2);
    await succeeding(gsc, unsigned, { env });
    const signed = await succeeding(gsc, ['sign-image', `${image}-u`, key, '-o', `${image}-s`, '--json'], {
      env,
    });
    expect(JSON.parse(signed.stdout)).toMatchObject({ mr_enclave: measured });
  });

  test('makes its launch token at the start, then starts the enclave', async (context) => {
    const place = await engineWith(context, 'busybox');
    const name = `token-${image}`;
    await succeeding(stage().gsc, build(release, 'busybox:1', '-o', name), { env: place.env });
    const stderr = await ending(place, 254, ...container, name);
    expect(stderr).toMatch(/the enclave would have the MRENCLAVE [0-9a-f]{64}/);
  });

  test('passes arguments, environment and exit code with insecure arguments', async (context) => {
    const place = await engineWith(context, 'busybox');
    const options = ['--insecure-args', '-o', `insecure-${image}`];
    await succeeding(stage().gsc, build(release, 'busybox:1', ...options), { env: place.env });
    const script = 'echo "$1" in $PWD >&2; exit 7';
    const words = [`insecure-${image}`, '-c', script, 'sh', 'two words'];
    const stderr = await ending(place, 7, ...insecure, ...words);
    expect(stderr).toContain('two words in /\n');
  });

  test('takes variables of the host that the manifest does not set only if it is the first one', async (context) => {
    const place = await engineWith(context, 'busybox');
    const script = JSON.stringify(['/bin/sh', '-c', 'echo "[$HERS] [$OURS]" >&2; exit 6']);
    const options = ['--cmd', script, '-e', 'OURS=manifest', '-o', `host-${image}`];
    await succeeding(stage().gsc, build(release, 'busybox:1', ...options), { env: place.env });
    const variables = ['-e', 'HERS=host', '-e', 'OURS=host'];
    const stderr = await ending(place, 6, ...insecure, ...variables, `host-${image}`);
    expect(stderr).toContain(release === 'f51aafddf' ? '[host] [manifest]' : '[] [manifest]');
  });

  test('is started by gsc run, with the devices of its time', async (context) => {
    needs(context, 'docker');
    const { engine } = await engineWith(context, 'busybox');
    // Not through the wire: see the tests of gsc run.
    const env = { DOCKER_HOST: `unix://${engine.socket}`, PATH: process.env.PATH ?? '' };
    const script = JSON.stringify(['/bin/sh', '-c', 'echo started; exit 5']);
    await succeeding(stage().gsc, build(release, 'busybox:1', '--cmd', script, '-o', `run-${image}`), {
      env,
    });
    const line = await succeeding(stage().gsc, ['run', '--dry-run', `run-${image}`], { env });
    const socket = '/var/run/aesmd/aesm.socket';
    expect(line.stdout).toBe(
      `docker run --rm --interactive --device=/dev/isgx --device=/dev/gsgx -v ${socket}:${socket} run-${image}\n`,
    );
    const direct = await stage().gsc(['run', '--direct', '--network', 'none', `run-${image}`], { env });
    expect(direct).toMatchObject({ code: 5, stdout: 'started\n' });
    const enclave = await stage().gsc(['run', `run-${image}`], { env });
    expect([enclave.code, enclave.stderr]).toEqual([1, expect.stringContaining('/dev/isgx')]);
    const policy = write('policy.yaml', 'verify-image: {host_environment: ["*"]}\n');
    const verdict = await succeeding(stage().gsc, ['verify-image', '--policy', policy, `run-${image}`], {
      env,
    });
    expect(verdict.stdout).toMatch(/^verified: /m);
  });

  test('has no different bytes when it is built again', async (context) => {
    const { env } = await engineWith(context, 'busybox');
    const args = (name: string) => build(release, 'busybox:1', '--no-cache', '--json', '-o', name);
    const [one, two] = [
      await succeeding(stage().gsc, args(`once-${image}`), { env }),
      await succeeding(stage().gsc, args(`twice-${image}`), { env }),
    ];
    expect(JSON.parse(one.stdout).image_id).toBe(JSON.parse(two.stdout).image_id);
  });
});

describe('several manifests', () => {
  const manifests = () => [
    write('app.manifest', 'sgx.thread_num = 8\n'),
    write('sh.manifest', 'sgx.thread_num = 4\n'),
    write('ls.manifest', 'sgx.thread_num = 4\n'),
  ];

  test.for(['f51aafddf', '1.1'])(
    'give an enclave each, which its parent trusts: %s',
    async (release, context) => {
      const { engine, env } = await engineWith(context, 'debian-python');
      const args = build(release, 'debian-python:1', ...manifests(), '-o', `several:${release}`, '--json');
      const { stdout } = await succeeding(stage().gsc, args, { env });
      const { children } = JSON.parse(stdout);
      expect(children.map((child: { name: string }) => child.name)).toEqual(['ls', 'sh']);
      const cat = ['--entrypoint', '/bin/cat', `several:${release}`, '/app/python3.manifest.sgx'];
      const manifest = await engine.docker(...container, ...cat);
      expect(manifest).toMatch(/^sgx\.trusted_children\.child\d = file:sh\.sig$/m);
      expect(manifest).toMatch(/^sgx\.trusted_children\.child\d = file:ls\.sig$/m);
      expect(await engine.docker(...insecure, `several:${release}`)).toBe(
        await engine.docker(...container, 'debian-python:1'),
      );
    },
  );

  test('are refused for Gramine', async (context) => {
    const { env } = await engineWith(context, 'debian-python');
    const args = ['build', '--runtime', stage().runtime, 'debian-python:1', ...manifests()];
    const { code, stderr } = await stage().gsc(args, { env });
    expect([code, stderr]).toEqual([2, expect.stringContaining('manifest')]);
  });
});
