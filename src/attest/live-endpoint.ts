import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { GscError, systemErrorCode } from '../base/error.ts';
import { handshake } from './tls-handshake.ts';

/** Where a TLS server is, and how it is spoken to. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Server Name Indication; default: the host, if it is a name. */
  readonly serverName?: string | undefined;
  /** Application protocols to offer. */
  readonly alpn?: readonly string[] | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What an endpoint showed. */
export interface EndpointCertificate {
  readonly der: Buffer;
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly protocol: string;
}

/**
 * Connects, takes the server's certificate, and hangs up. The handshake proves that the server holds the certificate's key; who it is, is for
 * the quote to say, so that no authority is asked. Throws an `attestation` error if there is no answer in time, or no TLS.
 */
export async function fetchEndpointCertificate(endpoint: Endpoint): Promise<EndpointCertificate> {
  const socket = await connectTls(endpoint);
  try {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw endpointError(endpoint, 'the server presents no certificate');
    return { der: certificate.raw, protocol: socket.getProtocol() ?? 'unknown' };
  } finally {
    socket.destroy();
  }
}

async function connectTls(endpoint: Endpoint): Promise<TLSSocket> {
  const { host, port, serverName, alpn, timeoutMs, signal } = endpoint;
  const name = serverName ?? (isIP(host) === 0 ? host : undefined);
  const options = {
    host,
    port,
    ...(name !== undefined && { servername: name }),
    ...(alpn !== undefined && { ALPNProtocols: [...alpn] }),
  };
  try {
    return await handshake(options, { timeoutMs, signal });
  } catch (error) {
    throw endpointError(endpoint, reasonOf(error), error);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name service does not answer',
  ECONNRESET: 'the connection broke',
  ETIMEDOUT: 'no connection in time',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
};

function reasonOf(error: unknown): string {
  const code = systemErrorCode(error) ?? '';
  if (reasons[code] !== undefined) return reasons[code];
  return `the TLS handshake failed: ${error instanceof Error ? error.message : String(error)}`;
}

function endpointError({ host, port }: Endpoint, message: string, cause?: unknown): GscError {
  return new GscError({
    code: 'attestation',
    subject: `${host}:${port}`,
    message,
    hint: 'check host and port, and that the server speaks TLS with an RA-TLS certificate',
    cause,
  });
}
