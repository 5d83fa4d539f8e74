import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, type TestContext, test, vi } from 'vitest';
import { collateralFiles } from '../../src/collateral/collateral-files.ts';
import { makeCertificate } from '../support/attest/pki/authority.ts';
import { makeCollateral, makeTestPki } from '../support/attest/pki/test-pki.ts';
import { type QuoteSource, serveQuotes } from '../support/attest/quote-source.ts';
import { type EngineStage, engineWith } from '../support/end-to-end/engine-stage.ts';
import { type RunningGsc, startGsc } from '../support/end-to-end/running-gsc.ts';
import { needsFile, reporting, stageForTests, succeeding } from '../support/end-to-end/stage.ts';
import { mbedTlsHeader } from '../support/images/standin-runtime.ts';

vi.setConfig({ testTimeout: 600_000 });

const stage = stageForTests();
const at = (name: string) => join(stage().gsc.directory, name);
const pki = makeTestPki();
const keyHex = '00112233445566778899aabbccddeeff';

/** Says which key it got, then serves TLS with its certificate. */
const server = (port: number) => `
import ssl, socket
print("key", open("/dev/attestation/keys/wrap", "rb").read().hex(), flush=True)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/app/tls/cert.pem", "/run/tls/key.pem")
listener = socket.create_server(("127.0.0.1", ${port}))
print("listening", flush=True)
while True:
    try:
        client, _ = listener.accept()
        with context.wrap_socket(client, server_side=True) as connection: connection.recv(1)
    except OSError: pass
`;

let running: { source?: QuoteSource; broker?: RunningGsc; engine?: EngineStage['engine']; ids: string[] } = {
  ids: [],
};

afterEach(async () => {
  for (const id of running.ids) await running.engine?.docker('rm', '-f', id);
  running.broker?.process.kill('SIGINT');
  await running.broker?.done;
  await running.source?.close();
  running = { ids: [] };
});

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => listener.once('listening', done));
  const { port } = listener.address() as { readonly port: number };
  await new Promise((done) => listener.close(done));
  return port;
}

async function prepare(context: TestContext): Promise<EngineStage> {
  needsFile(context, mbedTlsHeader, 'libmbedtls-dev');
  const placed = await engineWith(context, 'debian-python');
  running.engine = placed.engine;
  running.source = await serveQuotes(at('quotes.sock'), pki);
  const own = makeCertificate({ name: 'localhost' });
  writeFileSync(at('broker.pem'), own.pem);
  writeFileSync(at('broker.key'), own.key.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(at('root.pem'), pki.root.pem);
  writeFileSync(at('wrap.key'), keyHex);
  mkdirSync(at('collateral'), { recursive: true });
  for (const { path, bytes } of collateralFiles(makeCollateral(pki)))
    writeFileSync(join(at('collateral'), path), bytes);
  return placed;
}

interface Ports {
  readonly broker: number;
  readonly app: number;
}

const build = (ports: Ports, ...more: readonly string[]) => [
  ...['build', 'debian-python:1', '--runtime', stage().runtime, '--key', stage().key],
  ...['--ratls', 'CERT=/etc/app/tls/cert.pem,KEY=/run/tls/key.pem', '--volume', '/data=encrypted:wrap'],
  ...['--secret-from', `localhost:${ports.broker}=broker.pem`],
  ...['--entrypoint', JSON.stringify(['python3', '-c', server(ports.app)]), ...more],
];

async function start({ engine }: EngineStage, image: string): Promise<string> {
  const id = await engine.docker(
    ...['run', '-d', '--network=host', '--security-opt=seccomp=unconfined', '-e', 'GRAMINE_MODE=direct'],
    ...['-v', `${at('quotes.sock')}:/quotes.sock`, '-e', 'GSC_STANDIN_QUOTES=/quotes.sock', image],
  );
  running.ids.push(id.trim());
  return id.trim();
}

test('built with --ratls and --secret-from, signed, started: attested by the name of the image, and given its key only then', async (context) => {
  const { gsc, bundle } = stage();
  const placed = await prepare(context);
  const ports = { broker: await freePort(), app: await freePort() };
  const options = { env: placed.env, cwd: gsc.directory };
  const built = await reporting(gsc, build(ports, '-o', 'attested:1'), options);
  expect(built).toMatchObject({
    ratls: { certificate: '/etc/app/tls/cert.pem', key: '/run/tls/key.pem', format: 'pem' },
    secret_from: { servers: [`localhost:${ports.broker}`], set_key: 'wrap' },
  });
  const other = await reporting(gsc, build(ports, '-o', 'other:1', '--env', 'A=other'), options);
  expect(other.mr_enclave).not.toBe(built.mr_enclave);

  writeFileSync(
    at('broker.yaml'),
    `listen: localhost:${ports.broker}
certificate: broker.pem
key: broker.key
collateral: collateral
root_ca: root.pem
clients:
  - { name: app, image: "attested:1", secrets: [{ name: wrap, form: key, file: wrap.key }] }
`,
  );
  running.broker = startGsc(bundle, ['secrets', 'serve', '--config', 'broker.yaml'], {
    cwd: gsc.directory,
    env: { ...(process.env as Record<string, string>), ...placed.env },
  });
  await expect.poll(running.broker.stdout, { timeout: 60_000 }).toContain('serving on');
  const id = await start(placed, 'attested:1');
  const logs = () => placed.engine.docker('logs', id);
  await expect.poll(logs, { timeout: 120_000 }).toContain('listening');
  expect(await logs()).toContain(`key ${keyHex}`);

  const held = ['--collateral', 'collateral', '--root-ca', 'root.pem', '--json'];
  const address = `127.0.0.1:${ports.app}`;
  const attested = await succeeding(gsc, ['attest', address, '--image', 'attested:1', ...held], options);
  expect(JSON.parse(attested.stdout)).toMatchObject({
    accepted: true,
    mr_enclave: built.mr_enclave,
    tcb_status: 'UpToDate',
  });
  const refused = await gsc(['attest', address, '--image', 'other:1', ...held], options);
  expect(refused.code).toBe(1);
  expect(JSON.parse(refused.stdout)).toMatchObject({ accepted: false, mr_enclave: built.mr_enclave });
  const real = await gsc(['attest', address, '--image', 'attested:1', '--collateral', 'collateral'], options);
  expect(real.code).toBe(1);

  const stranger = await start(placed, 'other:1');
  expect((await placed.engine.docker('wait', stranger)).trim()).toBe('1');
  expect(await placed.engine.docker('logs', stranger)).not.toContain('key 0011');
  const said = running.broker.stderr();
  expect(said).toMatch(/client app: gets wrap/);
  expect(said).toMatch(new RegExp(`client refused: MRENCLAVE ${other.mr_enclave}: mr-enclave`));
  expect(said).not.toContain(keyHex);
});
