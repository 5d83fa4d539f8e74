import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { GscError, systemErrorCode } from '../../base/error.ts';
import { readError, readUserFile } from '../../base/read-file.ts';
import { isInsecure } from './endpoint.ts';
import type { RegistrySettings } from './registry-options.ts';

/** TLS settings for one host, as Node takes them. */
export interface Trust {
  readonly ca: string[];
  readonly cert?: string[];
  readonly key?: string[];
  readonly rejectUnauthorized: boolean;
}

/** Where distributions keep the certificates that the machine trusts. Go, crypto/x509/root_linux.go. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * Whom to believe at `url`: the machine's authorities (SSL_CERT_FILE, else the system's bundle, else Node's own), the
 * user's CA files and what `HOST/*.crt` of the certificate directories adds. Throws for files that cannot be read.
 */
export async function trustFor(url: URL, settings: RegistrySettings): Promise<Trust> {
  const hosts = hostsOf(url);
  const given = await Promise.all(settings.caFiles.map(readAuthority));
  const directories = await Promise.all(
    settings.certificateDirectories.flatMap((directory) =>
      hosts.map((host) => readHostDirectory(join(directory, host))),
    ),
  );
  const pairs = directories.flatMap(({ pairs }) => pairs);
  return {
    ca: [...(await machineAuthorities(settings)), ...given, ...directories.flatMap(({ ca }) => ca)],
    ...(pairs.length > 0 && { cert: pairs.map(({ cert }) => cert), key: pairs.map(({ key }) => key) }),
    rejectUnauthorized: !hosts.some((host) => isInsecure(host, settings.insecureRegistries)),
  };
}

/** A URL drops the port 443, which the reference, the option and the directory's name may have. */
function hostsOf({ host, port }: URL): readonly string[] {
  return port === '' ? [host, `${host}:443`] : [host];
}

async function machineAuthorities(settings: RegistrySettings): Promise<readonly string[]> {
  const own = settings.environment.SSL_CERT_FILE;
  if (own) return [await readAuthority(own)];
  for (const path of systemBundles) {
    const pem = await readIfThere(path);
    if (pem !== undefined) return [pem];
  }
  return rootCertificates;
}

async function readAuthority(path: string): Promise<string> {
  const pem = (await readUserFile(path, 'CA file')).toString('latin1');
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new GscError({
    code: 'unreadable',
    subject: path,
    message: 'expected certificates in PEM, found none',
    hint: 'convert it with: openssl x509 -inform der -in FILE -out FILE.pem',
  });
}

interface HostDirectory {
  readonly ca: readonly string[];
  readonly pairs: readonly { readonly cert: string; readonly key: string }[];
}

/** docker.com, "Verify repository client with certificates"; containers-certs.d(5). */
async function readHostDirectory(directory: string): Promise<HostDirectory> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return [];
    throw readError(directory, 'certificate directory', error);
  });
  const sorted = [...names].sort();
  const ca = sorted
    .filter((name) => name.endsWith('.crt'))
    .map((name) => readAuthority(join(directory, name)));
  const pairs = sorted
    .filter((name) => name.endsWith('.cert'))
    .map(async (name) => ({
      cert: (await readUserFile(join(directory, name), 'client certificate')).toString('latin1'),
      key: (await readUserFile(join(directory, name.replace(/\.cert$/, '.key')), 'client key')).toString(
        'latin1',
      ),
    }));
  return { ca: await Promise.all(ca), pairs: await Promise.all(pairs) };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw readError(path, 'CA file', error);
  }
}
