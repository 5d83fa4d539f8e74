import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { GscError } from '../base/error.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import type { Pkcs11Uri } from './pkcs11-uri.ts';

type Pkcs11js = typeof import('pkcs11js');

/**
 * A PKCS#11 library that is loaded and initialized. It stays so until the process ends: C_Finalize would close the sessions of all
 * other signers in the process, and the last session that is closed logs out by itself (PKCS#11 2.40, 5.6).
 */
export interface Pkcs11Module {
  readonly path: string;
  readonly library: import('pkcs11js').PKCS11;
  /** The constants of the standard. */
  readonly constants: Pkcs11js;
}

/** Where distributions keep PKCS#11 libraries. */
const moduleDirectories = [
  '/usr/lib/x86_64-linux-gnu/pkcs11',
  '/usr/lib/x86_64-linux-gnu/softhsm',
  '/usr/lib/softhsm',
  '/usr/lib64/pkcs11',
  '/usr/lib/pkcs11',
  '/usr/lib64/softhsm',
  '/usr/lib/x86_64-linux-gnu',
  '/usr/lib64',
  '/usr/local/lib',
];

/** p11-kit's own, which offers the tokens of all libraries that the system has registered. */
const proxyNames = ['p11-kit-proxy.so', 'libp11-kit-proxy.so'];

/**
 * Loads the PKCS#11 library that a URI names, else `PKCS11_MODULE_PATH`, else p11-kit's proxy. Throws a `not-found` error if
 * there is none, a `key` error if it cannot be used.
 */
export function openPkcs11Module(uri: Pkcs11Uri, host: HostEnvironment): Pkcs11Module {
  const path = findModule(uri, host);
  const constants = loadPkcs11js();
  const library = new constants.PKCS11();
  try {
    library.load(path);
  } catch (cause) {
    throw moduleError(path, `not a PKCS#11 library that this machine can load: ${firstLine(cause)}`, cause);
  }
  initialize(library, path);
  return { path, library, constants };
}

function initialize(library: import('pkcs11js').PKCS11, path: string): void {
  try {
    library.C_Initialize();
  } catch (cause) {
    if (firstLine(cause) === 'CKR_CRYPTOKI_ALREADY_INITIALIZED') return;
    throw moduleError(path, `the PKCS#11 library does not start: ${firstLine(cause)}`, cause);
  }
}

function findModule(uri: Pkcs11Uri, { environment, workingDirectory }: HostEnvironment): string {
  const { 'module-path': path, 'module-name': name } = uri;
  if (path !== undefined) return moduleAt(resolve(workingDirectory, path), name);
  if (name !== undefined) return moduleNamed(name);
  const given = environment.PKCS11_MODULE_PATH;
  if (given) return moduleAt(resolve(workingDirectory, given), undefined);
  const proxy = firstExisting(moduleDirectories, proxyNames);
  if (proxy !== undefined) return proxy;
  throw new GscError({
    code: 'usage',
    subject: 'pkcs11: URI',
    message:
      'expected module-path, module-name or the variable PKCS11_MODULE_PATH, which say how the token is reached',
    hint: 'add ?module-path=/usr/lib/softhsm/libsofthsm2.so, or what came with the token',
  });
}

/** RFC 7512, 2.3: a path may be that of a directory, in which the name is looked for. */
function moduleAt(path: string, name: string | undefined): string {
  const found = name === undefined ? undefined : firstExisting([path], fileNames(name));
  if (found !== undefined) return found;
  if (existsSync(path)) return path;
  throw missingModule(
    path,
    'there is no such file',
    'check module-path; it is the file that came with the token',
  );
}

function moduleNamed(name: string): string {
  const found = firstExisting(moduleDirectories, fileNames(name));
  if (found !== undefined) return found;
  const where = `not found in ${moduleDirectories.join(', ')}`;
  throw missingModule(name, where, 'install it, or give its file with module-path');
}

/** RFC 7512, 2.3: a name without the prefix `lib` and without a suffix. */
function fileNames(name: string): string[] {
  return [`${name}.so`, `lib${name}.so`, `${name}-pkcs11.so`, name];
}

function firstExisting(directories: readonly string[], names: readonly string[]): string | undefined {
  const paths = directories.flatMap((directory) => names.map((name) => join(directory, name)));
  return paths.find((path) => existsSync(path));
}

/** `pkcs11js` is an optional dependency with a native part: it is there only if its installation went well. */
function loadPkcs11js(): Pkcs11js {
  try {
    return createRequire(import.meta.url)('pkcs11js') as Pkcs11js;
  } catch (cause) {
    throw new GscError({
      code: 'key',
      subject: 'pkcs11js',
      message: `keys on tokens need this package, which cannot be loaded: ${firstLine(cause)}`,
      hint: 'install a C++ compiler, make and Python 3, then install gsc again, without --ignore-scripts',
      cause,
    });
  }
}

/** What an error of pkcs11js says: the standard's name of the failure, without the native stack. */
export function firstLine(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
}

function missingModule(subject: string, reason: string, hint: string): GscError {
  return new GscError({
    code: 'not-found',
    subject,
    message: `the PKCS#11 library cannot be read: ${reason}`,
    hint,
  });
}

function moduleError(subject: string, message: string, cause: unknown): GscError {
  return new GscError({ code: 'key', subject, message, hint: 'check module-path', cause });
}
