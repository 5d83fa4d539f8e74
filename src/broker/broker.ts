import { once } from 'node:events';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { GscError, systemErrorCode } from '../base/error.ts';
import { type Decision, serveClient } from './serve-client.ts';

/** Everything that a configuration leads to, read and ready. */
export interface BrokerState {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly mostClients: number;
  readonly secondsPerClient: number;
  readonly decision: Omit<Decision, 'log' | 'options'> & {
    readonly options: Omit<Decision['options'], 'at'>;
  };
}

export interface BrokerSurroundings {
  readonly now: () => Date;
  readonly log: (line: string) => void;
}

/** A running server. */
export interface Broker {
  readonly port: number;
  /** Takes another state for all clients that come from now on; those that are there go on with theirs. */
  reload(state: BrokerState): void;
  /** Takes no new clients, lets those that are there end within their time, and is done. */
  close(): Promise<void>;
}

/** Starts the server. Throws an `unwritable` error for an address that cannot be obtained, a plain one for a certificate that is not one. */
export async function startBroker(initial: BrokerState, surroundings: BrokerSurroundings): Promise<Broker> {
  let state = initial;
  const server = createServer({
    cert: state.certificate,
    key: state.key,
    requestCert: true,
    // Certificates that sign themselves: their quotes are checked after the handshake.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    handshakeTimeout: state.secondsPerClient * 1000,
  });
  server.maxConnections = state.mostClients;
  server.on('connection', (socket) => {
    // From the first byte on: a slow handshake takes of the same time.
    const timer = setTimeout(() => {
      surroundings.log(`client dropped after ${state.secondsPerClient} s`);
      socket.destroy();
    }, state.secondsPerClient * 1000);
    socket.once('close', () => clearTimeout(timer));
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', (error) =>
    surroundings.log(`client disconnected during the handshake: ${error.message}`),
  );
  server.on('drop', () =>
    surroundings.log(`client turned away: ${state.mostClients} clients are connected already`),
  );
  server.on('secureConnection', (socket) => void serve(socket, state, surroundings));
  await listen(server, state);
  return {
    port: (server.address() as { readonly port: number }).port,
    reload: (next) => {
      server.setSecureContext({ cert: next.certificate, key: next.key, minVersion: 'TLSv1.2' });
      server.maxConnections = next.mostClients;
      state = next;
    },
    close: () => new Promise((done) => server.close(() => done())),
  };
}

/** An error with one client is a line in the log, never the end of the server. */
async function serve(socket: TLSSocket, state: BrokerState, { now, log }: BrokerSurroundings): Promise<void> {
  const { options, ...decision } = state.decision;
  socket.on('error', (error) => log(`client disconnected: ${error.message}`));
  try {
    await serveClient(socket, { ...decision, log, options: { ...options, at: now() } });
  } catch (error) {
    log(`client disconnected: ${error instanceof Error ? error.message : String(error)}`);
    socket.destroy();
  }
}

async function listen(server: Server, { host, port }: BrokerState): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw listenError(`${host}:${port}`, error);
  }
}

const listenProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EACCES: 'permission denied; ports below 1024 are for root',
  EADDRNOTAVAIL: 'not an address of this machine',
  ENOTFOUND: 'there is no such host',
};

function listenError(subject: string, error: unknown): unknown {
  const code = systemErrorCode(error);
  if (code === undefined) return error;
  const message = `cannot listen there: ${listenProblems[code] ?? code}`;
  return new GscError({
    ...{ code: 'unwritable', subject, message, cause: error },
    hint: 'choose another address with listen: HOST:PORT; port 0 is any free one',
  });
}
