import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { collectBytes } from '../../../src/image/verified-stream.ts';
import { parseImageName } from '../../../src/reference/image-name.ts';
import { openRegistryImage } from '../../../src/store/registry/open-registry-image.ts';
import { openRegistryWriter } from '../../../src/store/registry/registry-writer.ts';
import {
  atEnd,
  imageOf,
  layerOf,
  nameIn,
  openSession,
  startDouble,
  stock,
} from '../../support/store/registry/fixture.ts';

const layer = layerOf('a', 100_000);
const image = imageOf([layer]);

describe('busy registries', () => {
  test.each([408, 429, 500, 502, 503, 504])('status %i is waited out', async (status) => {
    const double = await startDouble();
    await stock(double, 'app', '1', image);
    double.fail('GET', /manifests/, { kind: 'answer', status }, 2);
    const { session, pauses } = openSession();
    await openRegistryImage(session, nameIn(double, 'app:1'));
    expect(pauses).toEqual([500, 1000]);
  });

  test('Retry-After is heeded, in seconds and as a date', async () => {
    const double = await startDouble();
    await stock(double, 'app', '1', image);
    const now = Date.parse('Wed, 21 Oct 2015 07:28:00 GMT');
    const answer = (value: string) =>
      ({ kind: 'answer', status: 429, headers: { 'retry-after': value } }) as const;
    double.fail('GET', /manifests/, answer('7'));
    double.fail('GET', /manifests/, answer('Wed, 21 Oct 2015 07:28:09 GMT'));
    double.fail('GET', /manifests/, answer('soon'));
    const { session, pauses } = openSession({ now: () => now });
    await openRegistryImage(session, nameIn(double, 'app:1'));
    expect(pauses).toEqual([7000, 9000, 2000]);
  });

  test('too long a pause is an error that says how long, and how to get more', async () => {
    const double = await startDouble();
    const body = JSON.stringify({
      errors: [{ code: 'TOOMANYREQUESTS', message: 'You have reached your pull rate limit' }],
    });
    double.fail('GET', /manifests/, {
      kind: 'answer',
      status: 429,
      headers: { 'retry-after': '3600' },
      body,
    });
    const { session, pauses } = openSession();
    await expect(openRegistryImage(session, nameIn(double, 'app:1'))).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(
        /429 Too Many Requests \(TOOMANYREQUESTS: You have reached your pull rate limit\)/,
      ),
      hint: expect.stringMatching(/in 3600 seconds, or log in/),
    });
    expect(pauses).toEqual([]);
  });

  test('a registry that stays busy is given up after pauses with jitter', async () => {
    const double = await startDouble();
    double.fail('GET', /manifests/, { kind: 'answer', status: 503 }, 100);
    const { session, pauses } = openSession({ random: () => 0.5 });
    await expect(openRegistryImage(session, nameIn(double, 'app:1'))).rejects.toMatchObject({
      code: 'registry',
    });
    expect(pauses).toEqual([375, 750, 1500, 3000]);
  });

  test('a broken connection is tried again', async () => {
    const double = await startDouble();
    await stock(double, 'app', '1', image);
    double.fail('GET', /manifests/, { kind: 'reset' }, 2);
    await openRegistryImage(openSession().session, nameIn(double, 'app:1'));
  });

  test.each([400, 403, 404, 405, 418])('status %i is no reason to try again', async (status) => {
    const double = await startDouble();
    double.fail('GET', /manifests/, { kind: 'answer', status }, 100);
    await expect(openRegistryImage(openSession().session, nameIn(double, 'app:1'))).rejects.toThrow(
      `${status}`,
    );
    expect(double.count('GET', /manifests/)).toBe(1);
  });
});

describe('redirects', () => {
  const login = { kind: 'basic', username: 'ann', password: 'secret-word' } as const;
  const logIn = async (domain: string) => {
    const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
    const directory = await mkdtemp('/tmp/gsc-redirect-');
    atEnd(() => rm(directory, { recursive: true }));
    await writeFile(`${directory}/config.json`, JSON.stringify({ auths: { [domain]: login } }));
    return { environment: { DOCKER_CONFIG: directory } };
  };

  test('blobs come from another host, which never sees the login', async () => {
    const storage = await startDouble();
    const double = await startDouble({ login, blobOrigin: () => storage.origin });
    await stock(double, 'app', '1', image);
    await stock(storage, 'app', '1', image);
    const { session } = openSession(await logIn(double.domain));
    const got = await openRegistryImage(session, nameIn(double, 'app:1'));
    storage.fail('GET', new RegExp(layer.descriptor.digest), { kind: 'cut-download', bytes: 1000 });
    expect((await collectBytes(got.layers[0]?.open() ?? expect.fail())).equals(layer.bytes)).toBe(true);
    const reads = storage.log.filter(({ url }) => url.includes('/blobs/'));
    expect(reads).toHaveLength(3);
    for (const { headers } of storage.log) expect(headers.authorization).toBeUndefined();
    expect(double.log.some(({ headers }) => headers.authorization?.startsWith('Basic '))).toBe(true);
  });

  test('the login comes along to another path of the same host', async () => {
    const double = await startDouble({ login });
    await stock(double, 'app', '1', image);
    const options = await logIn(double.domain);
    const headers = { location: '/v2/app/manifests/1' };
    double.fail('GET', /manifests\/moved/, { kind: 'answer', status: 301, headers }, 2);
    await openRegistryImage(openSession(options).session, nameIn(double, 'app:moved'));
  });

  test('a storage that asks for a login does not get it', async () => {
    const storage = await startDouble({ login });
    const double = await startDouble({ login, blobOrigin: () => storage.origin });
    await stock(double, 'app', '1', image);
    const { session } = openSession(await logIn(double.domain));
    const error = await openRegistryImage(session, nameIn(double, 'app:1')).catch(
      (caught: unknown) => caught as Error,
    );
    expect(String(error)).toMatch(new RegExp(`401 Unauthorized \\(from ${storage.domain}\\)`));
    expect(String(error)).not.toMatch(/signature|secret/);
    for (const { headers } of storage.log) expect(headers.authorization).toBeUndefined();
  });

  test.each([
    ['in a circle', '/v2/app/manifests/1', /more than 5 redirects/],
    ['to plain http elsewhere', 'http://storage.test/x', /without TLS, on storage\.test/],
    ['to a file', 'file:///etc/passwd', /not an http\(s\) URL/],
    ['to nonsense', 'http://[', /not an http\(s\) URL/],
  ])('a redirect %s is refused', async (_, location, message) => {
    const double = await startDouble();
    double.fail('GET', /manifests/, { kind: 'answer', status: 302, headers: { location } }, 100);
    await expect(openRegistryImage(openSession().session, nameIn(double, 'app:1'))).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(message),
    });
  });

  test('an upload that is redirected goes to the other host, without the login', async () => {
    const double = await startDouble({ login });
    const storage = await startDouble();
    const options = await logIn(double.domain);
    storage.fail('PUT', /^\/storage/, { kind: 'answer', status: 201 }, 2);
    double.fail(
      'PUT',
      /uploads\/./,
      { kind: 'answer', status: 307, headers: { location: `${storage.origin}/storage` } },
      2,
    );
    double.fail('PUT', /manifests/, { kind: 'answer', status: 201 });
    await openRegistryWriter(openSession(options).session, nameIn(double, 'app:1')).commit(image);
    expect(storage.log.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  test('an upload session on another host gets the bytes, without the login', async () => {
    const double = await startDouble({ login });
    const storage = await startDouble();
    const options = await logIn(double.domain);
    storage.fail('PUT', /^\/up/, { kind: 'answer', status: 201 }, 2);
    double.fail(
      'POST',
      /uploads/,
      { kind: 'answer', status: 202, headers: { location: `${storage.origin}/up?sig=1` } },
      2,
    );
    double.fail('PUT', /manifests/, { kind: 'answer', status: 201 });
    await openRegistryWriter(openSession(options).session, nameIn(double, 'app:1')).commit(image);
    expect(storage.lines).toEqual(['PUT /up', 'PUT /up']);
    expect(storage.log[0]?.url).toMatch(/^\/up\?sig=1&digest=sha256%3A[0-9a-f]{64}$/);
    for (const { headers } of storage.log) expect(headers.authorization).toBeUndefined();
  });
});

describe('no registry at all', () => {
  const quick = { retry: { attempts: 1 } };

  test('nothing listens: the error says so', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    await expect(
      openRegistryImage(openSession().session, parseImageName(`127.0.0.1:${port}/app:1`)),
    ).rejects.toMatchObject({
      code: 'registry',
      subject: `127.0.0.1:${port}/app`,
      message: expect.stringMatching(/cannot read the manifest of tag 1: nothing listens there/),
    });
  });

  test('no such host: the error says so', async () => {
    await expect(
      openRegistryImage(openSession(quick).session, parseImageName('registry.invalid/app:1')),
    ).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringMatching(/no such host|name service/),
    });
  });

  test('a server that never answers is given up', async () => {
    const double = await startDouble();
    double.fail('GET', /manifests/, { kind: 'silence' }, 10);
    const { session } = openSession({ ...quick, timeouts: { headersMs: 300 } });
    await expect(openRegistryImage(session, nameIn(double, 'app:1'))).rejects.toMatchObject({
      message: expect.stringMatching(/no answer in time/),
    });
  });

  test('an abort ends a download with an aborted error', async () => {
    const double = await startDouble();
    await stock(double, 'app', '1', image);
    const controller = new AbortController();
    const { session } = openSession({ signal: controller.signal, timeouts: { stallMs: 30_000 } });
    const got = await openRegistryImage(session, nameIn(double, 'app:1'));
    double.fail('GET', /blobs/, { kind: 'stall-download', bytes: 10 });
    setTimeout(() => controller.abort(), 100);
    await expect(collectBytes(got.layers[0]?.open() ?? expect.fail())).rejects.toMatchObject({
      code: 'aborted',
    });
  });

  test('foreign words in messages are one short line', async () => {
    const double = await startDouble();
    const message = `\u001b[31mred\r\nline ${'x'.repeat(5000)}`;
    double.fail('GET', /manifests/, {
      kind: 'answer',
      status: 403,
      body: JSON.stringify({ errors: [{ code: 'DENIED', message }] }),
    });
    const error = await openRegistryImage(openSession().session, nameIn(double, 'app:1')).catch(
      (caught: unknown) => caught as Error,
    );
    expect((error as Error).message.length).toBeLessThan(600);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
    expect((error as Error).message).not.toMatch(/[\u0000-\u001f]/);
  });
});
