import { once } from 'node:events';
import { createServer as createHttpsServer, get, type RequestOptions } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { Agent, request } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type AttestationDemands,
  attestedAgent,
  attestedConnector,
} from '../../src/attest/attested-connections.ts';
import { fetchEndpointCertificate } from '../../src/attest/live-endpoint.ts';
import { parseCollateral } from '../../src/collateral/parse-collateral.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import type { Holder } from '../support/attest/pki/authority.ts';
import { makeRaTls } from '../support/attest/pki/ra-tls.ts';
import { makeCollateral, makeTestPki, testEnclave, testTime } from '../support/attest/pki/test-pki.ts';

const pki = makeTestPki();
const collateral = parseCollateral(makeCollateral(pki));
const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) {
    server.close();
    if (server.listening) await once(server, 'close');
  }
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

/** A web server with a certificate, as an application in an enclave is. */
function serve({ key, pem }: Holder, version: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3'): Promise<number> {
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' });
  const server = createHttpsServer(
    { key: keyPem, cert: pem, minVersion: version, maxVersion: version },
    (_request, response) => response.end('from the enclave'),
  );
  return listen(server as unknown as Server);
}

function demandsOf(more: Partial<AttestationDemands> = {}): AttestationDemands {
  return {
    collateral: () => collateral,
    now: () => testTime,
    expected: { mrEnclave: testEnclave.mrEnclave },
    rootCa: parseCertificate(pki.root.der),
    ...more,
  };
}

async function askWithAgent(port: number, demands: AttestationDemands): Promise<string> {
  const options: RequestOptions = { host: '127.0.0.1', port, agent: attestedAgent(demands) };
  return new Promise((resolve, reject) => {
    get(options, async (response) => {
      let text = '';
      for await (const chunk of response) text += String(chunk);
      resolve(text);
    }).on('error', reject);
  });
}

async function askWithUndici(port: number, demands: AttestationDemands): Promise<string> {
  const dispatcher = new Agent({ connect: attestedConnector(demands) });
  try {
    const { body } = await request(`https://127.0.0.1:${port}/`, { dispatcher });
    return await body.text();
  } finally {
    await dispatcher.destroy();
  }
}

describe.each([
  ['an agent of node:https', askWithAgent],
  ['a dispatcher of undici', askWithUndici],
])('%s', (_name, ask) => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('reaches the expected enclave over %s', async (version) => {
    const port = await serve(makeRaTls(pki), version);
    const statuses: unknown[] = [];
    const demands = demandsOf({ onVerdict: ({ tcbStatus }) => statuses.push(tcbStatus) });
    expect(await ask(port, demands)).toBe('from the enclave');
    expect(statuses).toEqual(['UpToDate']);
  });

  test('sends nothing to another enclave', async () => {
    const port = await serve(makeRaTls(pki));
    const demands = demandsOf({ expected: { mrEnclave: '00'.repeat(32) } });
    await expect(ask(port, demands)).rejects.toThrow(/the server is not attested: mr-enclave: expected 0000/);
  });

  test('sends nothing to a server whose quote is that of another certificate', async () => {
    const port = await serve(makeRaTls(pki, { evidenceKey: makeRaTls(pki).publicKey }));
    await expect(ask(port, demandsOf())).rejects.toThrow(/key-binding/);
  });

  test('sends nothing to a server with an ordinary certificate', async () => {
    const port = await serve(makeRaTls(pki, { extensions: [] }));
    await expect(ask(port, demandsOf())).rejects.toThrow(/certificate-format/);
  });

  test('sends nothing without an expected identity', async () => {
    const port = await serve(makeRaTls(pki));
    await expect(ask(port, demandsOf({ expected: {} }))).rejects.toThrow(/expected-identity/);
  });

  test('wants the nonce in the certificate where one is demanded: a replayed one has another', async () => {
    const nonce = Buffer.from('c0ffee', 'hex');
    const port = await serve(makeRaTls(pki, { claims: { nonce: Buffer.from('01c0ffee', 'hex') } }));
    await expect(ask(port, demandsOf({ nonce }))).rejects.toThrow(/nonce: expected c0ffee, got 01c0ffee/);
    const fresh = await serve(makeRaTls(pki, { claims: { nonce } }));
    expect(await ask(fresh, demandsOf({ nonce }))).toBe('from the enclave');
  });

  test('passes on why collateral is not available', async () => {
    const port = await serve(makeRaTls(pki));
    const failing = () => Promise.reject(new Error('no collateral today'));
    await expect(ask(port, demandsOf({ collateral: failing }))).rejects.toThrow(/no collateral today/);
  });
});

describe('an endpoint', () => {
  const endpoint = (port: number, timeoutMs = 5000) => ({ host: '127.0.0.1', port, timeoutMs });

  test('shows its certificate and the protocol', async () => {
    const holder = makeRaTls(pki);
    const { der, protocol } = await fetchEndpointCertificate(endpoint(await serve(holder, 'TLSv1.2')));
    expect(der.equals(holder.der)).toBe(true);
    expect(protocol).toBe('TLSv1.2');
  });

  test('that stalls is given up after the time-out', async () => {
    const port = await listen(createTcpServer(() => undefined));
    await expect(fetchEndpointCertificate(endpoint(port, 50))).rejects.toMatchObject({
      code: 'attestation',
      message: `127.0.0.1:${port}: the TLS handshake failed: not done within 0.05 s`,
    });
  });

  test('that hangs up, or speaks something else, is an error', async () => {
    const hangingUp = await listen(createTcpServer((socket) => socket.destroy()));
    await expect(fetchEndpointCertificate(endpoint(hangingUp))).rejects.toMatchObject({
      code: 'attestation',
    });
    const plain = await listen(createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    await expect(fetchEndpointCertificate(endpoint(plain))).rejects.toMatchObject({ code: 'attestation' });
  });

  test('without the certificate’s key cannot complete a handshake', async () => {
    // The certificate's own key is the one thing that an impostor with a recorded certificate lacks: Node refuses to serve such a pair.
    const { pem } = makeRaTls(pki);
    const { key } = makeRaTls(pki);
    await expect((async () => serve({ key, pem } as Holder))()).rejects.toThrow(/key values mismatch/);
  });

  test('is left when the caller aborts', async () => {
    const port = await listen(createTcpServer(() => undefined));
    const abort = new AbortController();
    const pending = fetchEndpointCertificate({ ...endpoint(port), signal: abort.signal });
    abort.abort();
    await expect(pending).rejects.toThrow(/interrupted/);
  });
});
