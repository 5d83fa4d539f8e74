import { Agent, type AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { GscError } from '../base/error.ts';
import type { Collateral } from '../collateral/collateral.ts';
import type { VerifyOptions } from './options.ts';
import { handshake } from './tls-handshake.ts';
import type { Verdict } from './verdict.ts';
import { verifyRaTlsCertificate } from './verify-ra-tls.ts';

const handshakeTimeoutMs = 30_000;

/** What a server has to prove before a byte is sent to it. */
export interface AttestationDemands extends Omit<VerifyOptions, 'at'> {
  /** Called for each connection: collateral expires. */
  readonly collateral: () => Collateral | undefined | Promise<Collateral | undefined>;
  /** Default: the machine's clock. */
  readonly now?: () => Date;
  /** Sees every verdict, for logs. */
  readonly onVerdict?: (verdict: Verdict) => void;
}

/**
 * In the place of `checkServerIdentity` of `node:tls`, which does not see certificates that sign themselves: undefined for a server that
 * proves to be the expected enclave, an `attestation` error with the first reason for every other one. `host` names it there.
 */
export async function checkServerAttestation(
  host: string,
  certificate: Uint8Array,
  demands: AttestationDemands,
): Promise<GscError | undefined> {
  const { collateral, now = () => new Date(), onVerdict, ...options } = demands;
  const verdict = verifyRaTlsCertificate(certificate, await collateral(), { ...options, at: now() });
  onVerdict?.(verdict);
  if (verdict.isAccepted) return undefined;
  const reason =
    verdict.checks.find(({ result }) => result === 'failed') ??
    verdict.checks.find(({ result }) => result === 'not-checked');
  return new GscError({
    code: 'attestation',
    subject: host,
    message: `the server is not attested: ${reason?.name}: ${reason?.detail}`,
    hint: 'gsc attest HOST:PORT shows all checks',
  });
}

/** An agent of `node:https` whose connections lead to attested servers only. */
export function attestedAgent(demands: AttestationDemands, options: AgentOptions = {}): Agent {
  return new AttestedAgent(demands, options);
}

class AttestedAgent extends Agent {
  readonly #demands: AttestationDemands;

  constructor(demands: AttestationDemands, options: AgentOptions) {
    // A resumed session shows no certificate.
    super({ ...options, maxCachedSessions: 0 });
    this.#demands = demands;
  }

  override createConnection(
    options: ConnectionOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    openAttested(options, this.#demands).then(
      (socket) => callback?.(null, socket),
      // Node's types demand a stream beside an error.
      (error) => callback?.(error, undefined as unknown as Duplex),
    );
    return undefined;
  }
}

/** The `connect` of an undici `Agent` or `Pool`, with the same promise: `new Agent({ connect: attestedConnector(demands) })`. */
export function attestedConnector(
  demands: AttestationDemands,
): (
  options: { readonly hostname: string; readonly port: string; readonly servername?: string },
  callback: (...result: [error: null, socket: TLSSocket] | [error: Error, socket: null]) => void,
) => void {
  return ({ hostname, port, servername }, callback) => {
    const options = { host: hostname, port: Number(port || 443), ...(servername && { servername }) };
    openAttested(options, demands).then(
      (socket) => callback(null, socket),
      (error) => callback(error, null),
    );
  };
}

/** Handshake first, then the verdict, and only then is the connection handed out. */
async function openAttested(options: ConnectionOptions, demands: AttestationDemands): Promise<TLSSocket> {
  const socket = await handshake(options, { timeoutMs: handshakeTimeoutMs });
  const certificate = socket.getPeerX509Certificate();
  try {
    const host = `${options.host ?? options.servername}:${options.port}`;
    const refusal = await checkServerAttestation(host, certificate?.raw ?? Buffer.alloc(0), demands);
    if (refusal !== undefined) throw refusal;
    if (socket.destroyed) throw new Error(`${host}: the server hung up`);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
