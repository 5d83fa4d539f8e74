import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { parseImageName } from '../../../src/reference/image-name.ts';
import { openRegistryImage } from '../../../src/store/registry/open-registry-image.ts';
import {
  atEnd,
  imageOf,
  layerOf,
  openSession,
  startDouble,
  stock,
} from '../../support/store/registry/fixture.ts';

/** TLS begins with a record of this type. RFC 8446, 5.1. */
const handshake = 0x16;

/** A server that hangs up on TLS and passes everything else to a port. Gives its domain. */
async function hangingUpOnTls(port: number, how: 'destroy' | 'resetAndDestroy'): Promise<string> {
  const server = createServer((client) => {
    client.on('error', () => {});
    client.once('data', (first) => {
      if (first[0] === handshake) return client[how]();
      const upstream = connect(port, '127.0.0.1');
      upstream.on('error', () => client.destroy());
      client.on('close', () => upstream.destroy());
      upstream.write(first);
      client.pipe(upstream).pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a registry that hangs up on TLS', () => {
  test.each(['destroy', 'resetAndDestroy'] as const)('is asked in plain http (%s)', async (how) => {
    const double = await startDouble();
    const image = imageOf([layerOf('a', 1000)]);
    await stock(double, 'app', '1', image);
    const domain = await hangingUpOnTls(Number(double.domain.split(':')[1]), how);
    const { session, pauses } = openSession();
    const got = await openRegistryImage(session, parseImageName(`${domain}/app:1`));
    expect(got.manifest).toEqual(image.manifest);
    expect(pauses).toEqual([]);
  });

  test('and does not speak plain http either is a connection that breaks', async () => {
    const double = await startDouble();
    double.fail('GET', /^\/v2\/$/, { kind: 'answer', status: 400 }, 100);
    const domain = await hangingUpOnTls(Number(double.domain.split(':')[1]), 'destroy');
    const { session } = openSession({ retry: { attempts: 2 } });
    await expect(openRegistryImage(session, parseImageName(`${domain}/app:1`))).rejects.toMatchObject({
      code: 'registry',
      message: expect.stringContaining('the connection broke'),
    });
    expect(double.count('GET', /manifests/)).toBe(0);
  });
});
