import type { TLSSocket } from 'node:tls';
import type { ExpectedIdentity, VerifyOptions } from '../attest/options.ts';
import type { Verdict } from '../attest/verdict.ts';
import { verifyRaTlsCertificate } from '../attest/verify-ra-tls.ts';
import type { Collateral } from '../collateral/collateral.ts';
import { encodeSecret, mostNameBytes, namedRequestPrefix, secretRequest } from './secret-protocol.ts';

/** A secret that was read. */
export interface LoadedSecret {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Who gets which secrets, with everything read. */
export interface LoadedClient {
  readonly name: string;
  readonly expected: ExpectedIdentity;
  readonly secrets: readonly LoadedSecret[];
}

/** What decides about a client. */
export interface Decision {
  readonly clients: readonly LoadedClient[];
  readonly collateralFor: (certificate: Buffer) => Promise<Collateral | undefined>;
  readonly options: Omit<VerifyOptions, 'expected'>;
  readonly log: (line: string) => void;
}

/**
 * Serves one client after its handshake: decides who it is, then answers requests until it hangs up. Whatever happens, it says why in the
 * log, and no client gets a secret unless its certificate was accepted for it.
 */
export async function serveClient(socket: TLSSocket, decision: Decision): Promise<void> {
  const client = await decide(socket, decision);
  if (client === undefined) {
    socket.destroy();
    return;
  }
  const say = (line: string) => decision.log(`client ${client.name}: ${line}`);
  const [first] = client.secrets as [LoadedSecret, ...LoadedSecret[]];
  let isFirst = true;
  for await (const request of requestsOf(socket)) {
    const secret = isFirst ? firstSecret(request, first) : namedSecret(request, client.secrets);
    if (secret === undefined) {
      say(`refused: an unexpected request of ${request.length} bytes`);
      break;
    }
    isFirst = false;
    say(`gets ${secret.name}`);
    socket.write(encodeSecret(secret.bytes));
  }
  socket.end();
}

function firstSecret(request: Buffer, first: LoadedSecret): LoadedSecret | undefined {
  return request.equals(secretRequest) ? first : undefined;
}

function namedSecret(request: Buffer, secrets: readonly LoadedSecret[]): LoadedSecret | undefined {
  const text = request.toString('utf8');
  if (!text.startsWith(namedRequestPrefix)) return undefined;
  const name = text.slice(namedRequestPrefix.length, -1);
  return secrets.find((secret) => secret.name === name);
}

/** Requests end with a NUL each; one that is too long is given as it is, to be refused. */
async function* requestsOf(socket: TLSSocket): AsyncIterable<Buffer> {
  let buffered = Buffer.alloc(0);
  const most = namedRequestPrefix.length + mostNameBytes + 1;
  for await (const chunk of socket) {
    buffered = Buffer.concat([buffered, chunk as Buffer]);
    for (let end = buffered.indexOf(0); end !== -1; end = buffered.indexOf(0)) {
      yield buffered.subarray(0, end + 1);
      buffered = buffered.subarray(end + 1);
    }
    if (buffered.length > most) yield buffered;
  }
}

/** The entry that the client's certificate is accepted for; undefined, with the reason in the log, if there is none. */
async function decide(socket: TLSSocket, decision: Decision): Promise<LoadedClient | undefined> {
  const { clients, collateralFor, options, log } = decision;
  const certificate = socket.getPeerX509Certificate()?.raw;
  if (certificate === undefined) return refuse(log, 'it presents no certificate');
  // A resumed session does not prove that the client holds the key.
  if (socket.isSessionReused()) return refuse(log, 'it resumes a session');
  const collateral = await collateralFor(certificate);
  let best: Verdict | undefined;
  for (const client of clients) {
    const verdict = verifyRaTlsCertificate(certificate, collateral, {
      ...options,
      expected: client.expected,
    });
    if (verdict.isAccepted) {
      log(`client ${client.name}: accepted, ${identityOf(verdict)}, ${verdict.tcbStatus}`);
      return client;
    }
    if (best === undefined || failureCount(verdict) < failureCount(best)) best = verdict;
  }
  if (best === undefined) return refuse(log, 'no client is configured');
  const reason =
    best.checks.find(({ result }) => result === 'failed') ??
    best.checks.find(({ result }) => result === 'not-checked');
  return refuse(log, `${identityOf(best)}: ${reason?.name}: ${reason?.detail}`);
}

function refuse(log: Decision['log'], reason: string): undefined {
  log(`client refused: ${reason}`);
  return undefined;
}

function failureCount({ checks }: Verdict): number {
  return checks.filter(({ result }) => result === 'failed').length;
}

function identityOf({ report }: Verdict): string {
  return report === undefined ? 'no quote' : `MRENCLAVE ${report.mrEnclave.toString('hex')}`;
}
