import { once } from 'node:events';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { type AddressInfo, createServer, connect as dial } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { serveUnary, type UnaryMethod } from '../../../../src/store/engine/build/unary-service.ts';

const methods = new Map<string, UnaryMethod>([
  ['/echo.Echo/Say', async (request) => Buffer.concat([Buffer.from('said '), request])],
  ['/echo.Echo/Miss', async () => undefined],
  ['/echo.Echo/Fail', async () => Promise.reject(new Error('it is broken: no'))],
]);

describe('a service of unary gRPC methods on a connection that is turned round', () => {
  test('answers a message with a message and status 0', async () => {
    const call = await caller();
    const { headers, trailers, body } = await call('/echo.Echo/Say', framed(Buffer.from('hi')));
    expect(headers).toMatchObject({ ':status': 200, 'content-type': 'application/grpc' });
    expect(trailers).toMatchObject({ 'grpc-status': '0' });
    expect(body).toEqual(framed(Buffer.from('said hi')));
  });

  test('answers several calls at once', async () => {
    const call = await caller();
    const bodies = await Promise.all(
      [1, 2, 3, 4].map(async (n) =>
        (await call('/echo.Echo/Say', framed(Buffer.from(`${n}`)))).body.toString(),
      ),
    );
    expect(bodies.map((body) => body.slice(-1))).toEqual(['1', '2', '3', '4']);
  });

  test.each([
    ['not found', '/echo.Echo/Miss', '5'],
    ['unimplemented', '/echo.Echo/Nothing', '12'],
    ['internal', '/echo.Echo/Fail', '13'],
  ])('says %s in trailers alone', async (_name, path, status) => {
    const { headers, body } = await (await caller())(path, framed(Buffer.alloc(0)));
    expect(headers).toMatchObject({ ':status': 200, 'grpc-status': status });
    expect(body.length).toBe(0);
    if (status === '13') expect(decodeURIComponent(String(headers['grpc-message']))).toBe('it is broken: no');
  });

  test('refuses a message without end', async () => {
    const { headers } = await (await caller())('/echo.Echo/Say', framed(Buffer.alloc(1024 * 1024 + 1)));
    expect(headers).toMatchObject({ 'grpc-status': '13' });
  });

  test('survives a peer that hangs up', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      serveUnary(socket, methods);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const socket = dial((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.resume();
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense that is no frame at all');
    await once(socket, 'close');
    const { trailers } = await (await caller())('/echo.Echo/Say', framed(Buffer.alloc(0)));
    expect(trailers).toMatchObject({ 'grpc-status': '0' });
  });
});

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** A client on a new connection whose accepting side serves. */
async function caller() {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    serveUnary(socket, methods);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  onTestFinished(() => {
    session.destroy();
    server.close();
  });
  return (path: string, request: Buffer) =>
    new Promise<{ headers: IncomingHttpHeaders; trailers: IncomingHttpHeaders; body: Buffer }>(
      (resolve, reject) => {
        const stream = session.request({
          ':method': 'POST',
          ':path': path,
          'content-type': 'application/grpc',
        });
        let headers: IncomingHttpHeaders = {};
        let trailers: IncomingHttpHeaders = {};
        const pieces: Buffer[] = [];
        stream.on('response', (received) => {
          headers = received;
        });
        stream.on('trailers', (received) => {
          trailers = received;
        });
        stream.on('data', (piece: Buffer) => pieces.push(piece));
        stream.on('error', reject);
        stream.on('end', () => resolve({ headers, trailers, body: Buffer.concat(pieces) }));
        stream.end(request);
      },
    );
}
