import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { atEnd } from './fixture.ts';

/** A wire to a server that is cut once. */
export interface CuttingWire {
  /** `localhost:PORT`. */
  readonly domain: string;
  /** What went to the server so far. */
  readonly sentBytes: () => number;
}

/** A wire to `target` that breaks once, when one connection has carried so many bytes to it, or from it. */
export async function startCuttingWire(
  target: string,
  cutAfterSent: number,
  cutAfterReceived = Number.POSITIVE_INFINITY,
): Promise<CuttingWire> {
  let isCut = false;
  let sentBytes = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(target.split(':')[1]), '127.0.0.1');
    let sent = 0;
    let received = 0;
    const cut = () => {
      isCut = true;
      client.resetAndDestroy();
      // What was carried arrives; then the server sees the end.
      upstream.end();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.on('data', (piece) => {
      sent += piece.length;
      sentBytes += piece.length;
      upstream.write(piece);
      if (!isCut && sent >= cutAfterSent) cut();
    });
    upstream.on('data', (piece) => {
      received += piece.length;
      if (!client.destroyed) client.write(piece);
      if (!isCut && received >= cutAfterReceived) cut();
    });
    client.on('end', () => upstream.end());
    upstream.on('end', () => client.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    domain: `localhost:${(server.address() as AddressInfo).port}`,
    sentBytes: () => sentBytes,
  };
}
