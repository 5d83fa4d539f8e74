import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd } from './fixture.ts';

export interface RealRegistryOptions {
  readonly htpasswd?: { readonly username: string; readonly password: string };
  readonly hasTls?: boolean;
}

/** A running `docker-registry` of Debian, on loopback, with its own directory. */
export interface RealRegistry {
  readonly domain: string;
  readonly directory: string;
  /** PEM file of the authority that signed its certificate. */
  readonly caFile: string;
  /** The log of requests so far. */
  readonly log: () => string;
  kill(): Promise<void>;
}

/** Starts a registry that ends with the test. */
export async function startRealRegistry(options: RealRegistryOptions = {}): Promise<RealRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'gsc-registry-'));
  atEnd(() => rm(directory, { recursive: true, force: true }));
  const port = await freePort();
  const configFile = join(directory, 'config.yml');
  const caFile = join(directory, 'ca.crt');
  if (options.hasTls) await makeCertificates(directory);
  if (options.htpasswd) await makePasswords(directory, options.htpasswd);
  await mkdir(join(directory, 'data'));
  await writeFile(configFile, configOf(directory, port, options));
  const child = spawn('docker-registry', ['serve', configFile], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      log += piece.toString();
    });
  }
  atEnd(() => end(child));
  for (let tries = 0; !log.includes('listening on'); tries++) {
    if (tries > 200 || child.exitCode !== null) throw new Error(`docker-registry does not start: ${log}`);
    await sleep(50);
  }
  return { domain: `localhost:${port}`, directory, caFile, log: () => log, kill: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function configOf(directory: string, port: number, options: RealRegistryOptions): string {
  const auth = options.htpasswd
    ? `auth: {htpasswd: {realm: test, path: ${join(directory, 'htpasswd')}}}\n`
    : '';
  const tls = options.hasTls
    ? `, tls: {certificate: ${join(directory, 'host.crt')}, key: ${join(directory, 'host.key')}}`
    : '';
  return `version: 0.1
log: {level: info, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: ${join(directory, 'data')}}, delete: {enabled: true}}
http: {addr: "127.0.0.1:${port}"${tls}}
${auth}`;
}

/** An authority (`ca.crt`) and certificates that it signed for this machine (`host`) and a client (`client`). */
export async function makeCertificates(directory: string): Promise<void> {
  const in_ = (name: string) => join(directory, name);
  await writeFile(in_('san.cnf'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  run('openssl', [
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    in_('ca.key'),
    '-out',
    in_('ca.crt'),
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
  ]);
  for (const name of ['host', 'client']) {
    const request = in_(`${name}.csr`);
    run('openssl', [
      'req',
      '-new',
      ...newKey,
      '-keyout',
      in_(`${name}.key`),
      '-out',
      request,
      '-subj',
      `/CN=${name}`,
    ]);
    const authority = ['-CA', in_('ca.crt'), '-CAkey', in_('ca.key'), '-CAcreateserial'];
    const rest = ['-days', '2', '-extfile', in_('san.cnf'), '-out', in_(`${name}.crt`)];
    run('openssl', ['x509', '-req', '-in', request, ...authority, ...rest]);
  }
}

async function makePasswords(
  directory: string,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<void> {
  const line = run('htpasswd', ['-Bbn', username, password]);
  await writeFile(join(directory, 'htpasswd'), line);
}

/** Runs a foreign program to its end; throws with what it said if it fails. */
export function run(program: string, parameters: readonly string[]): string {
  const result = spawnSync(program, parameters, { encoding: 'utf8', maxBuffer: 1e8 });
  if (result.status === 0) return result.stdout;
  throw new Error(`${program} ${parameters.join(' ')}: ${result.stderr}`, { cause: result.error });
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
