import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { parseImageName } from '../../../src/reference/image-name.ts';
import { isLoopback, mayBePlain } from '../../../src/store/registry/endpoint.ts';
import { openRegistryImage } from '../../../src/store/registry/open-registry-image.ts';
import { proxyFor } from '../../../src/store/registry/proxy.ts';
import {
  atEnd,
  imageOf,
  layerOf,
  openSession,
  startDouble,
  stock,
} from '../../support/store/registry/fixture.ts';

const environment = { HTTPS_PROXY: 'http://secure:1', HTTP_PROXY: 'plain:2' };

test.each([
  ['https://registry.test/v2/', {}, 'http://secure:1'],
  ['http://registry.test/v2/', {}, 'http://plain:2'],
  ['https://registry.test/', { https_proxy: 'http://small:3' }, 'http://small:3'],
  ['https://localhost:5000/', {}, undefined],
  ['https://127.0.0.1/', {}, undefined],
  ['https://[::1]:5000/', {}, undefined],
  ['https://registry.test/', { NO_PROXY: '*' }, undefined],
  ['https://registry.test/', { NO_PROXY: 'other.test, registry.test' }, undefined],
  ['https://a.registry.test/', { NO_PROXY: 'registry.test' }, undefined],
  ['https://a.registry.test/', { NO_PROXY: '.registry.test' }, undefined],
  ['https://a.registry.test/', { NO_PROXY: '*.registry.test' }, undefined],
  ['https://registry.test/', { NO_PROXY: '.registry.test' }, 'http://secure:1'],
  ['https://notregistry.test/', { NO_PROXY: 'registry.test' }, 'http://secure:1'],
  ['https://REGISTRY.test/', { no_proxy: 'Registry.TEST' }, undefined],
  ['https://registry.test:5000/', { NO_PROXY: 'registry.test:5000' }, undefined],
  ['https://registry.test:5001/', { NO_PROXY: 'registry.test:5000' }, 'http://secure:1'],
  ['https://registry.test/', { NO_PROXY: 'registry.test:443' }, undefined],
  ['https://10.1.2.3/', { NO_PROXY: '10.0.0.0/8' }, undefined],
  ['https://11.1.2.3/', { NO_PROXY: '10.0.0.0/8' }, 'http://secure:1'],
  ['https://10.1.2.3/', { NO_PROXY: '10.1.2.3' }, undefined],
  ['https://[fd00::1]/', { NO_PROXY: 'fd00::/8' }, undefined],
  ['https://registry.test/', { NO_PROXY: '10.0.0.0/99, 1/2, :, [' }, 'http://secure:1'],
])('%s with %j goes through %s', (url, more, expected) => {
  expect(proxyFor(new URL(url), { ...environment, ...more })).toBe(expected);
});

test.each([
  ['http://a b:1', 'something else'],
  ['http://', 'something else'],
  ['ftp://user:secret@proxy.test:1', 'ftp://'],
])('%s is refused, without any of its password', (HTTPS_PROXY, got) => {
  const find = () => proxyFor(new URL('https://registry.test/'), { HTTPS_PROXY });
  expect(find).toThrow(expect.objectContaining({ code: 'config', subject: 'HTTPS_PROXY' }));
  expect(find).toThrow(`got ${got}`);
  expect(find).not.toThrow('secret');
});

test('a proxy that cannot be used is what the error names, without its password', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const { session } = openSession({ environment: { HTTPS_PROXY: `http://user:secret@127.0.0.1:${port}` } });
  await expect(openRegistryImage(session, parseImageName('registry.test/app:1'))).rejects.toMatchObject({
    code: 'registry',
    message: `registry.test/app: cannot read the manifest of tag 1: the proxy http://127.0.0.1:${port} cannot be used: nothing listens there`,
    hint: 'check HTTPS_PROXY and HTTP_PROXY, or except registry.test from it with NO_PROXY',
  });
});

test('a proxy that hangs up is named beside what happened, after the usual attempts', async () => {
  const proxy = createServer();
  let connects = 0;
  proxy.on('connect', (_request, socket) => {
    connects += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  atEnd(async () => void proxy.close());
  const shown = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const { session } = openSession({ environment: { HTTPS_PROXY: shown } });
  await expect(openRegistryImage(session, parseImageName('registry.test/app:1'))).rejects.toMatchObject({
    code: 'registry',
    message: expect.stringContaining(`the connection broke (through the proxy ${shown})`),
  });
  expect(connects).toBe(5);
});

test('no variables, no proxy', () => {
  expect(proxyFor(new URL('https://registry.test/'), { HTTPS_PROXY: '' })).toBeUndefined();
});

test.each(['localhost', 'LOCALHOST:5000', '127.0.0.1:80', '127.9.9.9', '[::1]:5000', '::1'])(
  '%s is this machine',
  (host) => {
    expect(isLoopback(host)).toBe(true);
  },
);

test.each([
  'localhost.evil.test',
  '127.0.0.1.evil.test',
  '128.0.0.1',
  '[::2]',
  '127.evil.test',
  'evil.test:127',
])('%s is not this machine', (host) => {
  expect(isLoopback(host)).toBe(false);
  expect(mayBePlain(host, ['127.0.0.1'])).toBe(false);
});

test('a registry behind a proxy is asked through it, plain and through a tunnel, with the password of its URL', async () => {
  const double = await startDouble();
  const image = imageOf([layerOf('a', 1000)]);
  await stock(double, 'app', '1', image);
  const seen: string[] = [];
  const proxy = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`);
    const target = new URL(request.url ?? '');
    fetch(`${double.origin}${target.pathname}`, { headers: { accept: String(request.headers.accept) } }).then(
      async (answer) =>
        response
          .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
          .end(Buffer.from(await answer.arrayBuffer())),
    );
  });
  proxy.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    const to = connect(Number(double.domain.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      to.pipe(socket).pipe(to);
    });
    to.on('error', () => socket.destroy());
    socket.on('error', () => to.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  atEnd(async () => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const uri = `http://user:pw@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const { session } = openSession({
    environment: { HTTPS_PROXY: uri, HTTP_PROXY: uri },
    insecureRegistries: ['registry.test:5000'],
  });
  const got = await openRegistryImage(session, parseImageName('registry.test:5000/app:1'));
  expect(got.manifest).toEqual(image.manifest);
  const password = `Basic ${Buffer.from('user:pw').toString('base64')}`;
  expect(seen).toContain('CONNECT registry.test:5000');
  expect(seen).toContain(`GET http://registry.test:5000/v2/app/manifests/1 ${password}`);
});
