import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
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
import { makeCertificates } from '../../support/store/registry/real-registry.ts';
import type { RegistryDouble } from '../../support/store/registry/registry-double.ts';
import { testWithTool } from '../../support/tool.ts';

const image = imageOf([layerOf('a', 1000)]);

async function startWithTls(
  more = {},
): Promise<{ readonly double: RegistryDouble; readonly directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'gsc-tls-'));
  atEnd(() => rm(directory, { recursive: true }));
  await makeCertificates(directory);
  const read = (name: string) => readFile(join(directory, name), 'utf8');
  const tls = {
    key: await read('host.key'),
    cert: await read('host.crt'),
    ca: await read('ca.crt'),
    ...more,
  };
  const double = await startDouble({ tls });
  await stock(double, 'app', '1', image);
  return { double, directory };
}

testWithTool('openssl', 'a redirect from TLS to plain http is refused, even on this machine', async () => {
  const { double, directory } = await startWithTls();
  const plain = await startDouble();
  const headers = { location: `${plain.origin}/v2/app/manifests/1` };
  double.fail('GET', /manifests/, { kind: 'answer', status: 307, headers });
  const { session } = openSession({ caFiles: [join(directory, 'ca.crt')] });
  await expect(openRegistryImage(session, nameIn(double, 'app:1'))).rejects.toMatchObject({
    code: 'registry',
    message: expect.stringMatching(/a location that drops TLS, on 127/),
    hint: expect.stringContaining('X-Forwarded-Proto'),
  });
  expect(plain.log).toEqual([]);
});

testWithTool(
  'openssl',
  'an upload session or a token realm without TLS is refused by a client with TLS',
  async () => {
    const { double, directory } = await startWithTls();
    const { session } = openSession({ caFiles: [join(directory, 'ca.crt')] });
    const headers = { location: double.origin.replace('https', 'http') };
    double.fail('POST', /uploads/, { kind: 'answer', status: 202, headers });
    await expect(openRegistryWriter(session, nameIn(double, 'new:1')).commit(image)).rejects.toMatchObject({
      message: expect.stringMatching(/drops TLS/),
    });
    const challenge = { 'www-authenticate': `Bearer realm="${headers.location}/token"` };
    double.fail('GET', /manifests/, { kind: 'answer', status: 401, headers: challenge });
    await expect(openRegistryImage(session, nameIn(double, 'app:1'))).rejects.toMatchObject({
      message: expect.stringMatching(/a login at 127\.0\.0\.1:\d+ without TLS/),
    });
  },
);

testWithTool('openssl', 'a registry that wants a client certificate gets that of its directory', async () => {
  const { double, directory } = await startWithTls({ requestCert: true, rejectUnauthorized: true });
  const certificates = join(directory, 'certs.d');
  const own = join(certificates, double.domain);
  await mkdir(own, { recursive: true });
  await copyFile(join(directory, 'ca.crt'), join(own, 'ca.crt'));
  const options = { certificateDirectories: [certificates], retry: { attempts: 1 } };
  await expect(
    openRegistryImage(openSession(options).session, nameIn(double, 'app:1')),
  ).rejects.toMatchObject({
    code: 'registry',
  });
  await copyFile(join(directory, 'client.crt'), join(own, 'client.cert'));
  await expect(
    openRegistryImage(openSession(options).session, nameIn(double, 'app:1')),
  ).rejects.toMatchObject({
    code: 'not-found',
    subject: join(own, 'client.key'),
  });
  await copyFile(join(directory, 'client.key'), join(own, 'client.key'));
  const got = await openRegistryImage(openSession(options).session, nameIn(double, 'app:1'));
  expect(got.manifest).toEqual(image.manifest);
});

testWithTool('openssl', 'SSL_CERT_FILE stands in for the authorities of the machine', async () => {
  const { double, directory } = await startWithTls();
  const environment = { SSL_CERT_FILE: join(directory, 'ca.crt') };
  const { session } = openSession({ environment });
  expect((await openRegistryImage(session, nameIn(double, 'app:1'))).manifest).toEqual(image.manifest);
});
