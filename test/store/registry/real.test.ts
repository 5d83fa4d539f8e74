import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Image } from '../../../src/image/image.ts';
import { collectBytes } from '../../../src/image/verified-stream.ts';
import { parseImageName } from '../../../src/reference/image-name.ts';
import { openImage } from '../../../src/store/open-image.ts';
import { openRegistryImage } from '../../../src/store/registry/open-registry-image.ts';
import type { RegistryOptions } from '../../../src/store/registry/registry-options.ts';
import { openRegistryWriter } from '../../../src/store/registry/registry-writer.ts';
import { startCuttingWire } from '../../support/store/registry/cutting-wire.ts';
import { atEnd, imageOf, layerOf, openSession } from '../../support/store/registry/fixture.ts';
import { run, startRealRegistry } from '../../support/store/registry/real-registry.ts';
import { testWithTool } from '../../support/tool.ts';

/** For what is in the registry's log: it answers first, and writes that then. */
const soon = { timeout: 60_000 };

const layers = [layerOf('real a', 200_000), layerOf('real b', 3_000_000)];
const registryTools = 'docker-registry skopeo';

const name = (domain: string, rest: string) => parseImageName(`${domain}/${rest}`);

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gsc-real-'));
  atEnd(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function expectSame(got: Image, wanted: Image): Promise<void> {
  expect(got.manifest.digest).toBe(wanted.manifest.digest);
  expect(got.configBytes.equals(wanted.configBytes)).toBe(true);
  for (const [i, layer] of got.layers.entries()) {
    const bytes = await collectBytes(layer.open());
    expect(bytes.equals(await collectBytes(wanted.layers[i]?.open() ?? expect.fail()))).toBe(true);
  }
}

async function pushAndPull(
  domain: string,
  image: Image,
  options: Partial<RegistryOptions> = {},
): Promise<void> {
  const { session } = openSession(options);
  await openRegistryWriter(session, name(domain, 'team/app:1')).commit(image);
  await expectSame(await openRegistryImage(session, name(domain, 'team/app:1')), image);
}

describe('a real registry', () => {
  for (const isDocker of [false, true]) {
    const types = isDocker ? "Docker's" : "OCI's";
    testWithTool(
      registryTools,
      `what is pushed is pulled again, and skopeo agrees (${types} types)`,
      async () => {
        const registry = await startRealRegistry();
        const image = imageOf(layers, { isDocker });
        await pushAndPull(registry.domain, image);
        const reference = `docker://${registry.domain}/team/app:1`;
        const inspected = JSON.parse(run('skopeo', ['inspect', '--tls-verify=false', reference])) as {
          Digest: string;
          Layers: string[];
        };
        expect(inspected.Digest).toBe(image.manifest.digest);
        expect(inspected.Layers).toEqual(image.layers.map((layer) => layer.descriptor.digest));
        const raw = run('skopeo', ['inspect', '--tls-verify=false', '--raw', reference]);
        expect(raw).toBe(image.manifestBytes.toString());
        const path = join(await scratch(), 'layout');
        run('skopeo', ['copy', '--src-tls-verify=false', reference, `oci:${path}:x`]);
        const copied = await openImage({ kind: 'oci', path, tag: 'x' });
        atEnd(() => copied.close());
        expect(copied.layers.map((layer) => layer.diffId)).toEqual(image.layers.map((layer) => layer.diffId));
      },
    );
  }

  testWithTool(registryTools, 'what skopeo pushes is pulled', async () => {
    const registry = await startRealRegistry();
    const image = imageOf(layers);
    await pushAndPull(registry.domain, image);
    const here = `docker://${registry.domain}`;
    const copy = ['copy', '--src-tls-verify=false', '--dest-tls-verify=false'];
    run('skopeo', [...copy, '--format', 'v2s2', `${here}/team/app:1`, `${here}/other/docker:2`]);
    run('skopeo', [...copy, `${here}/team/app:1`, `${here}/other/oci:2`]);
    const { session } = openSession();
    await expectSame(await openRegistryImage(session, name(registry.domain, 'other/oci:2')), image);
    const docker = await openRegistryImage(session, name(registry.domain, 'other/docker:2'));
    expect(docker.manifest.mediaType).toContain('docker');
    for (const [i, layer] of docker.layers.entries()) {
      expect((await collectBytes(layer.open())).equals(layers[i]?.bytes ?? expect.fail())).toBe(true);
    }
  });

  testWithTool(
    registryTools,
    'the same image again sends nothing; in another repository blobs are mounted',
    async () => {
      const registry = await startRealRegistry();
      const image = imageOf(layers);
      await pushAndPull(registry.domain, image);
      const { session } = openSession();
      const stored = await openRegistryImage(session, name(registry.domain, 'team/app:1'));
      await expect.poll(registry.log, soon).toMatch(/"PUT \/v2\/team\/app\/manifests\//);
      const before = registry.log().length;
      const again = await openRegistryWriter(session, name(registry.domain, 'team/app:1')).commit(stored);
      expect(again.outcome).toBe('unchanged');
      expect(registry.log().slice(before)).not.toMatch(/"(PUT|PATCH|POST) /);
      const added = imageOf([...stored.layers, layerOf('real c', 1000)]);
      const middle = registry.log().length;
      const writer = openRegistryWriter(session, name(registry.domain, 'team/added:1'), {
        mountFrom: [stored],
      });
      await writer.commit(added);
      await expect.poll(registry.log, soon).toMatch(/"PUT \/v2\/team\/added\/manifests\//);
      const log = registry.log().slice(middle);
      // One layer and the config were uploaded, none of the base was downloaded.
      await expect
        .poll(() => registry.log().match(/"PUT \/v2\/team\/added\/blobs\/uploads\//g), soon)
        .toHaveLength(2);
      expect(log).not.toMatch(/"GET \/v2\/team\/app\/blobs\//);
      await expectSame(await openRegistryImage(session, name(registry.domain, 'team/added:1')), added);
    },
  );

  testWithTool(registryTools, 'an upload while reading is stored', async () => {
    const registry = await startRealRegistry();
    const { session } = openSession();
    const writer = openRegistryWriter(session, name(registry.domain, 'team/app:1'));
    for (const layer of layers) await collectBytes(writer.teeLayer(layer, layer.open()));
    const opened = layers.map((layer) => layer.opened());
    await writer.commit(imageOf(layers));
    expect(layers.map((layer) => layer.opened())).toEqual(opened);
    await expectSame(await openRegistryImage(session, name(registry.domain, 'team/app:1')), imageOf(layers));
  });

  testWithTool(
    registryTools,
    'an upload that breaks is finished in chunks; this registry forgets what it had of it',
    async () => {
      const registry = await startRealRegistry();
      const wire = await startCuttingWire(registry.domain, 1_500_000);
      const { session, pauses } = openSession({ chunkBytes: 700_000 });
      const image = imageOf([layers[1] as (typeof layers)[0]]);
      await openRegistryWriter(session, name(wire.domain, 'team/app:1')).commit(image);
      expect(pauses.length).toBeGreaterThan(0);
      await expect
        .poll(() => registry.log().match(/"PATCH [^"]*" 202/g)?.length, soon)
        .toBeGreaterThanOrEqual(2);
      await expect
        .poll(() => registry.log().match(/"POST \/v2\/team\/app\/blobs\/uploads\//g), soon)
        .toHaveLength(3);
      expect(wire.sentBytes()).toBeLessThan(1.6 * (layers[1]?.bytes.length ?? 0));
      await expectSame(await openRegistryImage(session, name(wire.domain, 'team/app:1')), image);
    },
  );

  testWithTool(registryTools, 'an upload while reading that breaks is finished by commit', async () => {
    const registry = await startRealRegistry();
    const wire = await startCuttingWire(registry.domain, 1_500_000);
    const { session } = openSession({ chunkBytes: 700_000 });
    const large = layers[1] as (typeof layers)[0];
    const writer = openRegistryWriter(session, name(wire.domain, 'team/app:1'));
    const read = await collectBytes(writer.teeLayer(large, large.open()));
    expect(read.equals(large.bytes)).toBe(true);
    await writer.commit(imageOf([large]));
    await expectSame(await openRegistryImage(session, name(wire.domain, 'team/app:1')), imageOf([large]));
  });

  testWithTool(registryTools, 'a download that breaks goes on with a range', async () => {
    const registry = await startRealRegistry();
    const image = imageOf(layers);
    await pushAndPull(registry.domain, image);
    const wire = await startCuttingWire(registry.domain, Number.POSITIVE_INFINITY, 1_500_000);
    const { session, pauses } = openSession();
    await expectSame(await openRegistryImage(session, name(wire.domain, 'team/app:1')), image);
    expect(pauses.length).toBeGreaterThan(0);
    await expect.poll(registry.log, soon).toMatch(/"GET [^"]*" 206/);
  });

  testWithTool(registryTools, 'a registry that is killed in the middle of a push has no tag', async () => {
    const registry = await startRealRegistry();
    let pieces = 0;
    const large = layers[1] as (typeof layers)[0];
    const slow = {
      ...large,
      open: async function* () {
        for await (const piece of large.open()) {
          if (++pieces === 20) await registry.kill();
          yield piece;
        }
      },
    };
    const image = imageOf([layers[0] as (typeof layers)[0], slow]);
    const { session } = openSession({ retry: { attempts: 2 } });
    await expect(
      openRegistryWriter(session, name(registry.domain, 'team/app:1')).commit(image),
    ).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(/nothing listens there|connection broke/),
    });
    const tags = join(registry.directory, 'data/docker/registry/v2/repositories/team/app/_manifests');
    expect(existsSync(tags)).toBe(false);
  });
});

describe('a real registry with passwords', () => {
  const login = { username: 'ann', password: 'correct horse' };

  testWithTool(`${registryTools} htpasswd`, 'takes a login, refuses a wrong one and none', async () => {
    const registry = await startRealRegistry({ htpasswd: login });
    const DOCKER_CONFIG = await scratch();
    const write = (password: string) => {
      const auth = Buffer.from(`ann:${password}`).toString('base64');
      return writeFile(
        join(DOCKER_CONFIG, 'config.json'),
        JSON.stringify({ auths: { [registry.domain]: { auth } } }),
      );
    };
    const image = imageOf(layers);
    await write('correct horse');
    await pushAndPull(registry.domain, image, { environment: { DOCKER_CONFIG } });
    const creds = ['--tls-verify=false', '--creds', 'ann:correct horse'];
    const inspected = run('skopeo', ['inspect', ...creds, `docker://${registry.domain}/team/app:1`]);
    expect(inspected).toContain(image.manifest.digest);
    await write('wrong horse');
    await expect(
      pushAndPull(registry.domain, image, { environment: { DOCKER_CONFIG } }),
    ).rejects.toMatchObject({ code: 'registry', hint: expect.stringContaining('were not accepted') });
    await expect(pushAndPull(registry.domain, image)).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining('401 Unauthorized (UNAUTHORIZED: authentication required)'),
      hint: expect.stringContaining('docker login'),
    });
  });

  testWithTool(`${registryTools} htpasswd`, 'a login that skopeo wrote is found', async () => {
    const registry = await startRealRegistry({ htpasswd: login });
    const REGISTRY_AUTH_FILE = join(await scratch(), 'auth.json');
    const credentials = [
      '-u',
      'ann',
      '-p',
      'correct horse',
      '--tls-verify=false',
      '--authfile',
      REGISTRY_AUTH_FILE,
    ];
    run('skopeo', ['login', ...credentials, registry.domain]);
    await pushAndPull(registry.domain, imageOf(layers), { environment: { REGISTRY_AUTH_FILE } });
  });
});

describe('a real registry with TLS', () => {
  const tools = `${registryTools} openssl`;

  testWithTool(tools, 'is trusted for the CA file that the user gives', async () => {
    const registry = await startRealRegistry({ hasTls: true });
    await pushAndPull(registry.domain, imageOf(layers), { caFiles: [registry.caFile] });
    await expect.poll(registry.log, soon).toContain('http.request.method=PUT');
  });

  testWithTool(tools, "is trusted for the CA in Docker's certificate directory", async () => {
    const registry = await startRealRegistry({ hasTls: true });
    const certificates = await scratch();
    await mkdir(join(certificates, registry.domain));
    run('cp', [registry.caFile, join(certificates, registry.domain, 'ca.crt')]);
    await pushAndPull(registry.domain, imageOf(layers), {
      certificateDirectories: ['/nonexistent', certificates],
    });
  });

  testWithTool(
    tools,
    'is not trusted without, nor asked in plain instead; the hint says what to do',
    async () => {
      const registry = await startRealRegistry({ hasTls: true });
      await expect(pushAndPull(registry.domain, imageOf(layers))).rejects.toMatchObject({
        code: 'registry',
        message: expect.stringMatching(
          /certificate is signed by (itself|an authority that is not trusted here)/,
        ),
        hint: expect.stringContaining(`/etc/docker/certs.d/${registry.domain}/ca.crt`),
      });
      expect(registry.log()).not.toContain('http.request.method=');
    },
  );

  testWithTool(tools, 'is taken as it is where the user says that it is insecure', async () => {
    const registry = await startRealRegistry({ hasTls: true });
    await pushAndPull(registry.domain, imageOf(layers), { insecureRegistries: [registry.domain] });
  });

  testWithTool(tools, 'a CA file that is none, or is not there, is an error that names it', async () => {
    const registry = await startRealRegistry({ hasTls: true });
    const path = join(await scratch(), 'no.pem');
    const push = () => pushAndPull(registry.domain, imageOf(layers), { caFiles: [path] });
    await expect(push()).rejects.toMatchObject({ code: 'not-found', subject: path });
    await writeFile(path, 'no certificate');
    await expect(push()).rejects.toMatchObject({ code: 'unreadable', subject: path });
  });
});
