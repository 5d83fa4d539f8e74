import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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
  const configFile = join(directory, 'config.yml');
  const caFile = join(directory, 'ca.crt');
  if (options.hasTls) await makeCertificates(directory);
  if (options.htpasswd) await makePasswords(directory, options.htpasswd);
  await mkdir(join(directory, 'data'));
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    await writeFile(configFile, configOf(directory, port, options));
    const { child, log } = serve(configFile);
    if (await isListening(child, log)) {
      return { domain: `localhost:${port}`, directory, caFile, log, kill: () => end(child) };
    }
    await end(child);
    // Another test may have been faster.
    if (attempt === 5 || !log().includes('address already in use'))
      throw new Error(`docker-registry does not start: ${log()}`);
  }
}

/** Runs `docker-registry` until the end of the test. */
export function serve(configFile: string): { readonly child: ChildProcess; readonly log: () => string } {
  const child = spawn('docker-registry', ['serve', configFile], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      log += piece.toString();
    });
  }
  atEnd(() => end(child));
  return { child, log: () => log };
}

/** Waits until it listens; false if it ends before, or never does. */
export async function isListening(child: ChildProcess, log: () => string): Promise<boolean> {
  for (let tries = 0; tries < 1200 && child.exitCode === null; tries++) {
    if (log().includes('listening on')) return true;
    await sleep(50);
  }
  return false;
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

/**
 * A port that nothing listens on. Not one that the system gives: those go to outgoing connections too, and one may be taken
 * while a registry that was killed is to come back to it. Linux gives 32768 and up (ip(7), ip_local_port_range).
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
