import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where HTTP is spoken: the path of a socket, or a port on loopback. */
export type Place = { readonly path: string } | { readonly port: number };

/** A moment on a wire: a request that matches, and how many bytes of it, or of its answer, have passed. */
export interface Moment {
  readonly request: RegExp;
  readonly afterSent?: number;
  readonly afterReceived?: number;
}

/** A wire between gsc and a server: counts what it carries, notes the requests, and can be cut at a given moment. */
export interface Wire {
  readonly place: Place;
  /** Request lines without the protocol: `GET /v2/app/manifests/1`. */
  readonly requests: () => readonly string[];
  /** Bytes that went to the server. */
  readonly sentBytes: () => number;
  /** Bytes that came from it. */
  readonly receivedBytes: () => number;
  /** Forgets what was counted and noted. */
  readonly reset: () => void;
  /** Does something once, when the moment comes, before any further byte passes; then that connection is cut. */
  readonly cutAt: (moment: Moment, act: () => void | Promise<void>) => void;
  /** As `cutAt`; the connection stays. */
  readonly pauseAt: (moment: Moment, act: () => void | Promise<void>) => void;
  /** True if a moment that was waited for has not come. */
  readonly isWaiting: () => boolean;
  readonly close: () => void;
}

interface Trap {
  readonly moment: Moment;
  readonly act: () => void | Promise<void>;
  readonly isCut: boolean;
}

/** Lays a wire before the server at `target`: a socket before a socket, a port before a port. */
export async function layWire(target: Place): Promise<Wire> {
  let [sent, received] = [0, 0];
  let requests: string[] = [];
  let trap: Trap | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      const other = socket === client ? upstream : client;
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroySoon();
      });
    }
    let [line, lineSent, lineReceived] = ['', 0, 0];
    const springs = ({ moment }: Trap) =>
      moment.request.test(line) &&
      lineSent >= (moment.afterSent ?? 0) &&
      lineReceived >= (moment.afterReceived ?? 0);
    const pass = async (piece: Buffer, from: Socket, to: Socket) => {
      if (trap && springs(trap)) {
        const { act, isCut } = trap;
        trap = undefined;
        from.pause();
        await act();
        for (const socket of isCut ? [from, to] : []) socket.destroy();
        from.resume();
      }
      if (to.destroyed || to.write(piece)) return;
      from.pause();
      to.once('drain', () => from.resume());
    };
    client.on('data', (piece: Buffer) => {
      const start = /^((?:GET|HEAD|POST|PUT|PATCH|DELETE) \S+) HTTP\/1\.1\r\n/.exec(piece.toString('latin1'));
      if (start?.[1] !== undefined) {
        [line, lineSent, lineReceived] = [start[1], 0, 0];
        requests.push(line);
      }
      sent += piece.length;
      lineSent += piece.length;
      void pass(piece, client, upstream);
    });
    upstream.on('data', (piece: Buffer) => {
      received += piece.length;
      lineReceived += piece.length;
      void pass(piece, upstream, client);
    });
  });
  const place = await listen(server, 'path' in target);
  return {
    place: place.address,
    requests: () => requests,
    sentBytes: () => sent,
    receivedBytes: () => received,
    reset: () => {
      [sent, received, requests] = [0, 0, []];
    },
    cutAt: (moment, act) => {
      trap = { moment, act, isCut: true };
    },
    pauseAt: (moment, act) => {
      trap = { moment, act, isCut: false };
    },
    isWaiting: () => trap !== undefined,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      place.remove();
    },
  };
}

async function listen(
  server: ReturnType<typeof createServer>,
  onSocket: boolean,
): Promise<{ readonly address: Place; readonly remove: () => void }> {
  if (!onSocket) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { address: { port: (server.address() as AddressInfo).port }, remove: () => {} };
  }
  const directory = mkdtempSync(join(tmpdir(), 'gsc-wire-'));
  const path = join(directory, 'w.sock');
  server.listen(path);
  await once(server, 'listening');
  return { address: { path }, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
