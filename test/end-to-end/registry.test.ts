import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test, vi } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { container, directly, withoutShell } from '../support/end-to-end/engine-stage.ts';
import {
  manifestOf,
  type RegistryStage,
  registryWith,
  tagsOf,
  withoutEngine,
} from '../support/end-to-end/registry-stage.ts';
import { reporting, runtimeImage, stageForTests, succeeding } from '../support/end-to-end/stage.ts';
import { engineForTest, imageForTest } from '../support/images/image-for-test.ts';
import { podmanForTest } from '../support/store/engine/podman-service.ts';

vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();
const env = withoutEngine;
const scratch = (name: string) => join(stage().gsc.directory, name);

/** Sizes of the layers that are not the base's. */
async function addedBytes(place: RegistryStage, result: string, base: string): Promise<number> {
  const known = new Set((await manifestOf(place, base)).layers.map(({ digest }) => digest));
  const { layers } = await manifestOf(place, result);
  return layers.filter(({ digest }) => !known.has(digest)).reduce((sum, { size }) => sum + size, 0);
}

/** The digests of the blobs that were downloaded. */
function blobsRead(wire: RegistryStage['wire']): readonly string[] {
  return wire.requests().flatMap((line) => /^GET .*\/blobs\/(sha256:[0-9a-f]{64})/.exec(line)?.[1] ?? []);
}

function build(app: string, ...more: readonly string[]): readonly string[] {
  return ['build', '--runtime', stage().runtime, app, ...more];
}

describe('from registry to registry without an Engine', () => {
  test('an image is built, signed and inspected; Podman pulls it, an Engine pulls and runs it', async (context) => {
    const { gsc, key } = stage();
    const place = await registryWith(context, ['scratch']);
    const { at, past, wire, skopeo } = place;
    const runtime = await runtimeImage(stage());
    await skopeo('copy', '--quiet', '--dest-tls-verify=false', runtime, past('gramine-standin:1.9'));

    const fromRegistry = ['build', '--runtime', at('gramine-standin:1.9'), at('app/scratch:1')];
    const built = await succeeding(gsc, fromRegistry, { env });
    expect(built.stdout).toMatch(
      /^docker:\/\/localhost:\d+\/app\/gsc-scratch:1-unsigned@sha256:[0-9a-f]{64}\n$/,
    );
    const signed = await reporting(gsc, ['sign-image', at('app/scratch:1'), key], { env });
    const info = await succeeding(gsc, ['info-image', at('app/gsc-scratch:1')], { env });
    expect(info.stdout).toContain(`mr_enclave = "${signed.mr_enclave}"\n`);

    const manifest = await manifestOf(place, 'app/gsc-scratch:1');
    expect(manifest.config.digest).toBe(signed.image_id);
    const base = await manifestOf(place, 'app/scratch:1');
    expect(manifest.layers.slice(0, base.layers.length)).toEqual(base.layers);
    for (const { mediaType } of manifest.layers.slice(base.layers.length))
      expect(mediaType).toMatch(/\+gzip$/);
    const mounts = wire.requests().filter((line) => line.startsWith('POST') && line.includes('mount='));
    expect(mounts.length).toBeGreaterThanOrEqual(base.layers.length);

    const { podman } = await podmanForTest(context);
    await podman('pull', '--quiet', '--tls-verify=false', past('app/gsc-scratch:1'));
    expect((await podman('images', '--no-trunc', '--quiet')).trim()).toBe(signed.image_id);
    const engine = await engineForTest(context);
    const name = (tag: string) => past(`app/${tag}`).slice('docker://'.length);
    const { options, words } = withoutShell;
    await engine.docker('pull', '--quiet', name('gsc-scratch:1'));
    expect((await engine.docker('images', '--no-trunc', '-q', name('gsc-scratch:1'))).trim()).toBe(
      signed.image_id,
    );
    await engine.docker('pull', '--quiet', name('scratch:1'));
    const expected = await engine.docker(...container, name('scratch:1'));
    expect(await engine.docker(...directly, ...options, name('gsc-scratch:1'), ...words)).toBe(expected);
  });

  test('the base is read once, never sent; a second build moves the added layers and little else', async (context) => {
    const { gsc } = stage();
    const place = await registryWith(context, ['node']);
    const { at, wire } = place;
    const base = (await manifestOf(place, 'app/node:1')).layers.reduce((sum, { size }) => sum + size, 0);
    wire.reset();
    const cold = await reporting(gsc, build(at('app/node:1'), '-o', at('result/cold:1')), { env });
    const added = await addedBytes(place, 'result/cold:1', 'app/node:1');
    expect(wire.receivedBytes()).toBeLessThan(base + 100_000);
    expect(wire.sentBytes()).toBeLessThan(added + 100_000);

    wire.reset();
    const warm = await reporting(gsc, build(at('app/node:1'), '-o', at('other/warm:1')), { env });
    expect(warm.image_id).toBe(cold.image_id);
    expect(wire.receivedBytes()).toBeLessThan(100_000);
    expect(wire.sentBytes()).toBeLessThan(added + 100_000);

    wire.reset();
    const again = await reporting(gsc, build(at('app/node:1'), '-o', at('other/warm:1')), { env });
    expect(again).toMatchObject({ outcome: 'unchanged', digest: warm.digest });
    expect(wire.receivedBytes() + wire.sentBytes()).toBeLessThan(100_000);
  });

  test('an image is signed, and signed again, by its layer of the app files alone', async (context) => {
    const { gsc, key } = stage();
    const place = await registryWith(context, ['node']);
    const { at, wire } = place;
    await reporting(gsc, build(at('app/node:1'), '-o', at('result/node:1-unsigned')), { env });
    const { layers } = await manifestOf(place, 'result/node:1-unsigned');
    const [runtime = { size: 0 }, appFiles = { size: 0 }] = layers.slice(-2);
    expect(runtime.size + appFiles.size).toBeGreaterThan(0);
    const fresh = { ...env, XDG_CACHE_HOME: scratch('cache-of-another-machine') };
    // Manifests, configs and the signature's own layer.
    const rest = 60_000;

    wire.reset();
    const signed = await reporting(
      gsc,
      ['sign-image', at('result/node:1-unsigned'), key, '-o', at('result/node:1')],
      { env: fresh },
    );
    expect(wire.receivedBytes()).toBeLessThan(appFiles.size + rest);
    expect(wire.sentBytes()).toBeLessThan(rest + appFiles.size);
    expect(blobsRead(wire)).not.toContain(layers[0]?.digest);
    expect(blobsRead(wire)).not.toContain(layers.at(-2)?.digest);

    wire.reset();
    const again = ['sign-image', at('result/node:1'), key, '-o', at('result/again:1')];
    expect((await reporting(gsc, again, { env: fresh })).digest).toBe(signed.digest);
    expect(wire.receivedBytes()).toBeLessThan(appFiles.size + rest);
    expect(blobsRead(wire)).not.toContain(layers.at(-2)?.digest);
  });

  test('a tag goes to another image with --force only', async (context) => {
    const { gsc } = stage();
    const place = await registryWith(context, ['scratch']);
    const output = ['-o', place.at('result:1')];
    const first = await reporting(gsc, build(place.at('app/scratch:1'), ...output), { env });
    writeFileSync(scratch('other.manifest'), 'sgx.max_threads = 9\n');
    const other = build(place.at('app/scratch:1'), scratch('other.manifest'), ...output);
    const refused = await gsc(other, { env });
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain(`the tag names another image, ${first.digest}`);
    expect(refused.stderr).toMatch(/\nhint: .*--force/);
    expect((await manifestOf(place, 'result:1')).config.digest).toBe(first.image_id);
    const second = await reporting(gsc, [...other, '--force'], { env });
    expect((await manifestOf(place, 'result:1')).config.digest).toBe(second.image_id);
  });
});

describe('a registry', () => {
  const login = { username: 'ann', password: 'correct horse' };

  test('with passwords: the login of other tools is used; a wrong one and none are explained', async (context) => {
    const { gsc } = stage();
    const place = await registryWith(context, ['scratch'], { htpasswd: login });
    const { registry, past, skopeo } = place;
    const file = scratch('logins.json');
    const words = ['--tls-verify=false', `--username=${login.username}`, `--password=${login.password}`];
    await skopeo('login', `--authfile=${file}`, ...words, registry.domain);
    const withLogin = { env: { ...env, REGISTRY_AUTH_FILE: file } };
    await reporting(gsc, build(past('app/scratch:1')), withLogin);

    const none = await gsc(['info-image', past('app/gsc-scratch:1-unsigned')], { env });
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/status 401 .*\nhint: log in first \(docker login localhost:\d+\)/);
    const auth = Buffer.from('ann:wrong staple').toString('base64');
    mkdirSync(scratch('docker'), { recursive: true });
    writeFileSync(scratch('docker/config.json'), JSON.stringify({ auths: { [registry.domain]: { auth } } }));
    const inPlace = { env: { ...env, DOCKER_CONFIG: scratch('docker') } };
    const wrong = await gsc(build(past('app/scratch:1'), '--force'), inPlace);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain(`the credentials from ${scratch('docker/config.json')} were not accepted`);
    expect(wrong.stderr).not.toContain('wrong staple');
  });

  test('with a certificate of a private authority needs --ca-file, and says so', async (context) => {
    const { gsc } = stage();
    const { registry, past } = await registryWith(context, ['scratch'], { hasTls: true });
    const trusting = ['--ca-file', registry.caFile];
    const built = await reporting(gsc, build(past('app/scratch:1'), ...trusting), { env });
    expect(built.outcome).toBe('written');
    const refused = await gsc(build(past('app/scratch:1')), { env });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /authority that is not trusted here.*\nhint: give its authority with --ca-file/,
    );
  });

  test('that is not there, or has not the image: says which', async (context) => {
    const { gsc } = stage();
    const { past, registry } = await registryWith(context, []);
    const missing = await gsc(['info-image', past('app/scratch:1')], { env });
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/cannot read the manifest of tag 1: status 404.*\nhint: check the name/);
    await registry.kill();
    const gone = await gsc(['info-image', past('app/scratch:1')], { env });
    expect(gone.stderr).toContain('nothing listens there');
  });
});

describe('platforms', () => {
  test('any but linux/amd64 is refused with the reason, before anything is asked', async (context) => {
    const { at, wire } = await registryWith(context, []);
    const { code, stderr } = await stage().gsc(build(at('app/scratch:1'), '--platform', 'linux/arm64'), {
      env,
    });
    expect(code).toBe(2);
    expect(stderr).toContain('got linux/arm64: SGX is a feature of x86-64 processors');
    expect(wire.requests()).toEqual([]);
  });

  test('of an index linux/amd64 is taken; one without it is refused with a list of the platforms', async (context) => {
    const { gsc } = stage();
    const place = await registryWith(context, ['scratch']);
    const push = ['copy', '--quiet', '--all', '--dest-tls-verify=false'];
    await place.skopeo(...push, await indexOf(context, ['arm64', 'amd64']), place.past('several:1'));
    await place.skopeo(...push, await indexOf(context, ['arm64', 's390x']), place.past('others:1'));
    for (const [app, result] of [
      ['several:1', 'result:several'],
      ['app/scratch:1', 'result:alone'],
    ] as const) {
      await reporting(gsc, build(place.at(app), '-o', place.at(result)), { env });
    }
    const [several, alone] = [
      await manifestOf(place, 'result:several'),
      await manifestOf(place, 'result:alone'),
    ];
    expect(several.layers).toEqual(alone.layers);
    const refused = await gsc(build(place.at('others:1')), { env });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/linux\/amd64.*linux\/arm64, linux\/s390x/);
    expect(await tagsOf(place, 'gsc-others')).toEqual([]);
  });
});

/** A layout with an index of images for several architectures: all the same but for what their configs say. */
async function indexOf(context: TestContext, architectures: readonly string[]): Promise<string> {
  const { layout: source } = await imageForTest(context, 'scratch');
  const layout = scratch(`index-${architectures.join('-')}`);
  const blob = (digest: string) => join('blobs/sha256', digest.slice('sha256:'.length));
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const put = (bytes: Buffer) => {
    const digest = digestOf(bytes);
    writeFileSync(join(layout, blob(digest)), bytes);
    return { digest, size: bytes.length };
  };
  const putJson = (json: unknown) => put(Buffer.from(JSON.stringify(json)));
  const read = (path: string) => readFileSync(join(source, path));
  const [only] = JSON.parse(read('index.json').toString()).manifests;
  const manifest = JSON.parse(read(blob(only.digest)).toString());
  for (const layer of manifest.layers) put(read(blob(layer.digest)));
  const config = JSON.parse(read(blob(manifest.config.digest)).toString());
  const manifests = architectures.map((architecture) => {
    const changed = { ...manifest.config, ...putJson({ ...config, architecture }) };
    const { mediaType } = only;
    return {
      mediaType,
      ...putJson({ ...manifest, config: changed }),
      platform: { os: 'linux', architecture },
    };
  });
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const index = { mediaType, ...putJson({ schemaVersion: 2, mediaType, manifests }) };
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  writeFileSync(
    join(layout, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...index, annotations }] }),
  );
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return `oci:${layout}:latest`;
}
