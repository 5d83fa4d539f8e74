import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasTool } from '../tool.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** What tests with a token need. */
export const tokenTools = 'softhsm2-util pkcs11-tool cc openssl';

/** True without SoftHSM2 and OpenSC; in CI the run fails before (see global-setup). */
export function skipWithoutTokens(): boolean {
  return !tokenTools.split(' ').every(hasTool);
}

/** Debian's places of SoftHSM2's library. */
const modules = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so'];

/** A directory with tokens of SoftHSM2. */
export interface SoftTokens {
  readonly module: string;
  /** For programs that use the tokens; gsc's bundle finds pkcs11js by it. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes a token with the PIN {@link testPin}. */
  init(label: string): void;
  /** Puts a private key, PEM, on a token. */
  importKey(token: string, key: { readonly pem: Buffer; readonly label: string; readonly id: string }): void;
  /** Runs pkcs11-tool, logged in to a token. */
  pkcs11Tool(token: string, ...args: readonly string[]): string;
}

export const testPin = '4839-2017-5566';

export function softTokens(directory: string): SoftTokens {
  const module = modules.find((path) => existsSync(path)) ?? '';
  const configuration = join(directory, 'softhsm2.conf');
  mkdirSync(join(directory, 'tokens'), { recursive: true });
  writeFileSync(configuration, `directories.tokendir = ${join(directory, 'tokens')}\n`);
  const env = { SOFTHSM2_CONF: configuration, NODE_PATH: join(repository, 'node_modules') };
  const run = (program: string, args: readonly string[]) =>
    execFileSync(program, args, { env: { ...process.env, ...env }, encoding: 'utf8', stdio: 'pipe' });
  return {
    module,
    env,
    init: (label) => {
      run('softhsm2-util', [
        '--init-token',
        '--free',
        '--label',
        label,
        '--so-pin',
        '12345678',
        '--pin',
        testPin,
      ]);
    },
    importKey: (token, { pem, label, id }) => {
      const [plain, file] = [join(directory, 'import.pem'), join(directory, 'import.p8')];
      writeFileSync(plain, pem);
      run('openssl', ['pkcs8', '-topk8', '-nocrypt', '-in', plain, '-out', file]);
      const place = ['--import', file, '--token', token, '--label', label, '--id', id];
      run('softhsm2-util', [...place, '--pin', testPin]);
    },
    pkcs11Tool: (token, ...args) =>
      run('pkcs11-tool', ['--module', module, '--token-label', token, '--login', '--pin', testPin, ...args]),
  };
}

/** A library in front of SoftHSM2's that lets the fault of TOKEN_FAULT happen. */
export function faultyModule(directory: string): string {
  const file = join(directory, 'faulty-token.so');
  execFileSync('cc', [
    '-shared',
    '-fPIC',
    '-o',
    file,
    join(repository, 'test/support/key/faulty-token.c'),
    '-ldl',
  ]);
  return file;
}
