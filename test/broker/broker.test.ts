import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { type Broker, type BrokerState, startBroker } from '../../src/broker/broker.ts';
import { secretRequest } from '../../src/broker/secret-protocol.ts';
import { parseCollateral } from '../../src/collateral/parse-collateral.ts';
import { defaultAttestPolicy } from '../../src/policy/attest-policy.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { type Holder, makeCertificate } from '../support/attest/pki/authority.ts';
import { makeRaTls } from '../support/attest/pki/ra-tls.ts';
import {
  makeCollateral,
  makePck,
  makeTestPki,
  testEnclave,
  testTime,
} from '../support/attest/pki/test-pki.ts';

const pki = makeTestPki();
const collateral = parseCollateral(makeCollateral(pki));
const identity = makeCertificate({ name: 'broker' });
const good = makeRaTls(pki);
const secrets = [
  { name: 'default', bytes: Buffer.from('00112233445566778899aabbccddeeff', 'hex') },
  { name: 'token', bytes: Buffer.from('a text for the app\0') },
] as const;
const responsePrefix = 'SECRET_PROVISION_RA_TLS_RESPONSE_V1:\0';

let broker: Broker | undefined;
const log: string[] = [];
afterEach(async () => {
  await broker?.close();
  broker = undefined;
  for (const { bytes } of secrets) {
    for (const form of ['utf8', 'hex', 'base64'] as const)
      expect(log.join('\n')).not.toContain(bytes.toString(form));
  }
  log.length = 0;
});

function stateOf(more: Partial<BrokerState> = {}): BrokerState {
  return {
    host: '127.0.0.1',
    port: 0,
    certificate: Buffer.from(identity.pem),
    key: Buffer.from(identity.key.export({ type: 'pkcs8', format: 'pem' })),
    mostClients: 256,
    secondsPerClient: 60,
    decision: {
      clients: [{ name: 'app', expected: { mrEnclave: testEnclave.mrEnclave }, secrets }],
      collateralFor: async () => collateral,
      options: { rootCa: parseCertificate(pki.root.der) },
    },
    ...more,
  };
}

async function start(more: Partial<BrokerState> = {}): Promise<Broker> {
  broker = await startBroker(stateOf(more), { now: () => testTime, log: (line) => log.push(line) });
  return broker;
}

function open(port: number, holder?: Holder): TLSSocket {
  const own = holder && { cert: holder.pem, key: holder.key.export({ type: 'pkcs8', format: 'pem' }) };
  return connect({ host: '127.0.0.1', port, ca: identity.pem, checkServerIdentity: () => undefined, ...own });
}

/** Done when a connection is, for whatever reason. */
function closed(socket: Socket): Promise<void> {
  return new Promise((done) => socket.once('close', () => done()));
}

/** Everything that a client gets for what it sends, until the server or an error ends it. */
async function exchange(socket: TLSSocket, ...sent: readonly (Buffer | string)[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  socket.on('error', () => undefined);
  socket.on('end', () => socket.end());
  const isClosed = closed(socket);
  for (const bytes of sent) socket.write(bytes);
  // Like Gramine's client: it hangs up once it has what it asked for.
  const expected = sent.length;
  socket.on('data', () => {
    if (answersIn(Buffer.concat(pieces)).length >= expected) socket.end();
  });
  await isClosed;
  return Buffer.concat(pieces);
}

/** The secrets in what a server sent. */
function answersIn(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at + responsePrefix.length + 4 <= bytes.length; ) {
    if (!bytes.subarray(at).toString('latin1').startsWith(responsePrefix)) break;
    const start = at + responsePrefix.length + 4;
    const size = bytes.readUInt32BE(start - 4);
    if (start + size > bytes.length) break;
    found.push(bytes.subarray(start, start + size));
    at = start + size;
  }
  return found;
}

describe('an attested client', () => {
  test('gets its first secret in the words of Gramine, byte for byte', async () => {
    const { port } = await start();
    const got = await exchange(open(port, good), 'SECRET_PROVISION_RA_TLS_REQUEST_V1\0');
    expect(got).toEqual(
      Buffer.concat([Buffer.from(responsePrefix), Buffer.from('00000010', 'hex'), secrets[0].bytes]),
    );
    expect(log).toEqual([
      `client app: accepted, MRENCLAVE ${testEnclave.mrEnclave}, UpToDate`,
      'client app: gets default',
    ]);
  });

  test('can ask for others by name, in one piece or byte by byte', async () => {
    const { port } = await start();
    const requests = Buffer.concat([secretRequest, Buffer.from('GSC_SECRET_REQUEST_V1:token\0')]);
    const socket = open(port, good);
    const pending = exchange(socket, secretRequest, 'GSC_SECRET_REQUEST_V1:token\0');
    expect(answersIn(await pending)).toEqual(secrets.map(({ bytes }) => bytes));
    const slowly = open(port, good);
    const got = exchange(slowly, ...Array.from(requests, (byte) => Buffer.from([byte])));
    const answered = new Promise<void>((done) => {
      let size = 0;
      slowly.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size >= 2 * (responsePrefix.length + 4) + 16 + 19) {
          slowly.end();
          done();
        }
      });
    });
    await answered;
    expect(answersIn(await got)).toEqual(secrets.map(({ bytes }) => bytes));
  });

  test.each<[string, Buffer]>([
    ['another request', Buffer.from('GET / HTTP/1.1\r\n\r\n\0')],
    ['a named request first', Buffer.from('GSC_SECRET_REQUEST_V1:token\0')],
    ['a request of another version', Buffer.from('SECRET_PROVISION_RA_TLS_REQUEST_V2\0')],
    ['a request that does not end', Buffer.alloc(100_000, 65)],
    ['an empty request', Buffer.from('\0')],
  ])('gets nothing for %s', async (_what, request) => {
    const { port } = await start();
    expect(answersIn(await exchange(open(port, good), request))).toEqual([]);
    expect(log.at(-1)).toMatch(/^client app: refused: an unexpected request|^client disconnected/);
  });

  test('gets nothing under a name that is not its own, and the first secret once only', async () => {
    const { port } = await start();
    const unknown = await exchange(open(port, good), secretRequest, 'GSC_SECRET_REQUEST_V1:other\0');
    expect(answersIn(unknown)).toEqual([secrets[0].bytes]);
    const twice = await exchange(open(port, good), secretRequest, secretRequest);
    expect(answersIn(twice)).toEqual([secrets[0].bytes]);
  });
});

describe('no other client gets a secret', () => {
  const plain = makeCertificate({ name: 'RATLS' });
  const revoked = makePck(pki.processorCa);

  test.each<[string, Holder | undefined, RegExp]>([
    ['a client without a certificate', undefined, /it presents no certificate/],
    ['one with an ordinary certificate', plain, /certificate-format/],
    ['another enclave', makeRaTls(pki, { quote: { report: { mrEnclave: '00'.repeat(32) } } }), /mr-enclave/],
    [
      'a debug enclave',
      makeRaTls(pki, { quote: { report: { attributes: '07000000000000000700000000000000' } } }),
      /debug/,
    ],
    [
      'one with the quote of another certificate',
      makeRaTls(pki, { evidenceKey: good.publicKey }),
      /key-binding/,
    ],
    ['one of another authority', makeRaTls(makeTestPki()), /pck-chain/],
  ])('%s', async (_what, holder, reason) => {
    const { port } = await start();
    expect(await exchange(open(port, holder), secretRequest)).toHaveLength(0);
    expect(log).toEqual([expect.stringMatching(/^client refused: /)]);
    expect(log[0]).toMatch(reason);
  });

  test('one of a revoked platform, or of one that the policy does not accept', async () => {
    const state = stateOf();
    const withOptions = (raw: Parameters<typeof makeCollateral>[1], policy = defaultAttestPolicy) => ({
      decision: {
        ...state.decision,
        collateralFor: async () => parseCollateral(makeCollateral(pki, raw)),
        options: { ...state.decision.options, policy },
      },
    });
    const holder = makeRaTls(pki, { quote: { pck: revoked } });
    await start(withOptions({ pckRevoked: [revoked.serial] }));
    expect(await exchange(open(broker?.port ?? 0, holder), secretRequest)).toHaveLength(0);
    await broker?.close();
    await start(withOptions({}, { ...defaultAttestPolicy, minTcbEvaluationDataNumber: 18 }));
    expect(await exchange(open(broker?.port ?? 0, good), secretRequest)).toHaveLength(0);
    expect(log.map((line) => line.replace(/MRENCLAVE \w+: ([\w-]+): .*/, '$1'))).toEqual([
      'client refused: pck-crl',
      'client refused: tcb-evaluation-data-number',
    ]);
  });

  test('a client without available collateral: the reason is logged, the server lives', async () => {
    const state = stateOf();
    const collateralFor = () => Promise.reject(new Error('the service is away'));
    const { port } = await start({ decision: { ...state.decision, collateralFor } });
    expect(await exchange(open(port, good), secretRequest)).toHaveLength(0);
    expect(log).toEqual(['client disconnected: the service is away']);
  });
});

describe('the server lives', () => {
  test('with 200 clients at once, of whom every other one is not to get anything', {
    timeout: 120_000,
  }, async () => {
    const { port } = await start();
    const bad = makeRaTls(pki, { quote: { report: { mrEnclave: '00'.repeat(32) } } });
    const clients = Array.from({ length: 200 }, (_, index) =>
      exchange(open(port, index % 2 === 0 ? good : bad), secretRequest),
    );
    const answers = (await Promise.all(clients)).map((bytes) => answersIn(bytes).length);
    expect(answers).toEqual(clients.map((_, index) => (index + 1) % 2));
  });

  test('when clients hang up at every byte of the protocol', async () => {
    const { port } = await start();
    for (let length = 0; length <= secretRequest.length; length += 1) {
      const socket = open(port, good);
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect');
      socket.write(secretRequest.subarray(0, length));
      socket.destroy();
    }
    expect(answersIn(await exchange(open(port, good), secretRequest))).toEqual([secrets[0].bytes]);
  });

  test('when clients hang up in the handshake, or speak something else', async () => {
    const { port } = await start();
    for (const bytes of [
      '',
      '\x16',
      '\x16\x03\x01\x02\x00\x01',
      'GET / HTTP/1.1\r\n\r\n',
      '\0'.repeat(1000),
    ]) {
      const socket = connectTcp({ host: '127.0.0.1', port });
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.end(Buffer.from(bytes, 'latin1'));
      await closed(socket);
    }
    expect(answersIn(await exchange(open(port, good), secretRequest))).toHaveLength(1);
  });

  test('and gives up clients that stall, before and after the handshake', async () => {
    const { port } = await start({ secondsPerClient: 0.2 });
    const silent = connectTcp({ host: '127.0.0.1', port });
    silent.on('error', () => undefined);
    silent.resume();
    await closed(silent);
    const stalling = open(port, good);
    stalling.on('error', () => undefined);
    stalling.resume();
    await closed(stalling);
    expect(log.filter((line) => line.includes('dropped after 0.2 s'))).toHaveLength(2);
  });

  test('and turns away those that are too many', async () => {
    const { port } = await start({ mostClients: 1 });
    const first = open(port, good);
    await once(first, 'secureConnect');
    expect(await exchange(open(port, good), secretRequest)).toHaveLength(0);
    expect(answersIn(await exchange(first, secretRequest))).toHaveLength(1);
  });

  test('a reload counts for those who come after it; who is there goes on', async () => {
    const running = await start();
    const before = open(running.port, good);
    await once(before, 'secureConnect');
    await exchange(open(running.port, good), secretRequest);
    const state = stateOf();
    const bytes = Buffer.from('another secret\0');
    const [app] = state.decision.clients;
    if (app === undefined) throw new RangeError('no client');
    running.reload({
      ...state,
      decision: { ...state.decision, clients: [{ ...app, secrets: [{ name: 'new', bytes }] }] },
    });
    expect(answersIn(await exchange(open(running.port, good), secretRequest))).toEqual([bytes]);
    expect(answersIn(await exchange(before, secretRequest))).toEqual([secrets[0].bytes]);
  });
});
