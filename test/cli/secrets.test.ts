import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { collateralFiles } from '../../src/collateral/collateral-files.ts';
import { type Holder, makeCertificate } from '../support/attest/pki/authority.ts';
import { makeRaTls } from '../support/attest/pki/ra-tls.ts';
import { makeCollateral, makeTestPki, testEnclave, testTime } from '../support/attest/pki/test-pki.ts';
import { gscHere } from '../support/cli/in-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'gsc-secrets-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const write = (name: string, bytes: string | Uint8Array) => writeFileSync(join(directory, name), bytes);

const pki = makeTestPki();
const server = makeCertificate({ name: 'broker' });
const good = makeRaTls(pki);
const pkcs8 = ({ key }: Holder) => key.export({ type: 'pkcs8', format: 'pem' }) as string;

const config = `listen: 127.0.0.1:0
certificate: server.pem
key: server.key
collateral: collateral
root_ca: root.pem
clients:
  - name: app
    mr_enclave: ${testEnclave.mrEnclave}
    secrets:
      - { name: token, form: string, file: token.txt }
`;

function writeAll(): void {
  write('server.pem', server.pem);
  write('server.key', pkcs8(server));
  write('root.pem', pki.root.pem);
  write('token.txt', 'first token\n');
  write('broker.yaml', config);
  mkdirSync(join(directory, 'collateral'), { recursive: true });
  for (const { path, bytes } of collateralFiles(makeCollateral(pki))) write(join('collateral', path), bytes);
}

async function fetchSecret(port: number, holder: Holder): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: server.pem,
    cert: holder.pem,
    key: pkcs8(holder),
    checkServerIdentity: () => undefined,
  });
  socket.on('error', () => undefined);
  socket.write('SECRET_PROVISION_RA_TLS_REQUEST_V1\0');
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece);
    socket.end();
  });
  await new Promise((done) => socket.once('close', done));
  return Buffer.concat(pieces).subarray(41).toString();
}

test('gsc secrets serve: says where, serves, reads its files again, keeps the old ones if the new are wrong, and ends on request', async () => {
  writeAll();
  const abort = new AbortController();
  const lines = { stdout: '', stderr: '' };
  const changed = new EventTarget();
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      lines[name] += text;
      changed.dispatchEvent(new Event('written'));
    },
  });
  const seen = async (name: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(lines[name]);
      if (found) return found;
      await once(changed, 'written');
    }
  };
  const run = gscHere(['secrets', 'serve', '--config', 'broker.yaml', '--json'], {
    workingDirectory: directory,
    signal: abort.signal,
    today: () => testTime,
    stdout: stream('stdout'),
    stderr: stream('stderr'),
  });
  const [, port] = await seen('stdout', /"port":(\d+)/);
  expect(lines.stderr).toMatch(/warning: root_ca is set/);
  expect(await fetchSecret(Number(port), good)).toBe('first token\0');
  const other = makeRaTls(pki, { quote: { report: { mrEnclave: '00'.repeat(32) } } });
  expect(await fetchSecret(Number(port), other)).toBe('');
  write('token.txt', 'a token of another length\n');
  await seen('stderr', /configuration reloaded/);
  expect(await fetchSecret(Number(port), good)).toBe('a token of another length\0');
  write('broker.yaml', config.replace('mr_enclave', 'mr_enclaves'));
  await seen('stderr', /configuration unchanged: broker\.yaml:\d+:\d+: clients\.0\.mr_enclaves: unknown key/);
  expect(await fetchSecret(Number(port), good)).toBe('a token of another length\0');
  abort.abort();
  expect((await run).code).toBe(0);
  expect(lines.stderr).toMatch(/client refused: MRENCLAVE 0+: mr-enclave: expected/);
  expect(lines.stderr).not.toMatch(/first token|another length/);
});

test.each([
  [['serve'], 2],
  [['start', '-c', 'broker.yaml'], 2],
  [['serve', '-c', 'missing.yaml'], 1],
])('gsc secrets %j: exit code %i', async (args, code) => {
  expect((await gscHere(['secrets', ...args], { workingDirectory: directory })).code).toBe(code);
});

test.each<[string, Readonly<Record<string, string>>, RegExp]>([
  ['a certificate that is none', { 'server.pem': 'x' }, /server\.pem: not a certificate/],
  ['a key that is none', { 'server.key': 'x' }, /server\.key: expected a private key in PEM/],
  [
    'the key of another',
    { 'server.key': pkcs8(good) },
    /server\.key: expected the key of the server's certificate/,
  ],
  ['a root without certificates', { 'root.pem': pkcs8(server) }, /root\.pem: not a certificate/],
])('gsc secrets serve does not start with %s', async (_, files, message) => {
  writeAll();
  for (const [name, text] of Object.entries(files)) write(name, text);
  const result = await gscHere(['secrets', 'serve', '-c', 'broker.yaml'], { workingDirectory: directory });
  expect(result).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
});

test.each([
  ['another program listens there', '127.0.0.1', (port: number) => port],
  ['not an address of this machine', '192.0.2.1', () => 0],
])('an address that cannot be had is told: %s', async (problem, host, portOf) => {
  writeAll();
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { readonly port: number };
  write('broker.yaml', config.replace('127.0.0.1:0', `${host}:${portOf(port)}`));
  const result = await gscHere(['secrets', 'serve', '-c', 'broker.yaml'], { workingDirectory: directory });
  expect(result).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`cannot listen there: ${problem}`),
  });
  taken.close();
});
