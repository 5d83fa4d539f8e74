import { GscError } from '../base/error.ts';
import { type ImagePath, imagePath, textOfBytes } from '../base/image-path.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import { keysToDeliver } from '../manifest/encrypted-mounts.ts';
import type { TomlTable, TomlValue } from '../manifest/toml/toml.ts';
import { libraryPlace } from '../runtime/installed-places.ts';
import type { CLibraryName } from '../runtime/package-directory.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { realFileAt } from '../runtime/tree-source.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { type RaTlsChoice, raTlsProgram } from './ra-tls.ts';

/** The key brokers that Gramine's client library asks for a secret before the program runs. */
export interface SecretBrokers {
  /** `HOST:PORT` each; the first that can be connected to counts. */
  readonly servers: readonly string[];
  /** Who signs their certificates, in PEM; by default whom the image believes. */
  readonly authorities?: Buffer;
}

/** What the client library is told. */
export interface SecretProvisioning {
  readonly servers: readonly string[];
  /** A PEM file inside. */
  readonly authorities: ImagePath;
  readonly library: ImagePath;
  /** The key of encrypted mounts that the secret becomes; absent where it becomes SECRET_PROVISION_SECRET_STRING. */
  readonly setKey?: string;
}

/** Where distributions have the authorities that programs believe, in one file. */
const usualBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
].map(imagePath);

/** The image's file of authorities: its usual name, then its real path. Undefined if there is none. */
export function authoritiesIn(tree: FileTree): readonly [name: ImagePath, real: ImagePath] | undefined {
  const found = usualBundles.map((name) => [name, realFileAt(tree, name)?.path] as const);
  for (const [name, real] of found) if (real !== undefined) return [name, real];
  return undefined;
}

interface Parts {
  readonly appName: string;
  readonly runtime: Runtime;
  readonly start: ContainerProcess;
  readonly tree: FileTree;
  readonly raTls?: RaTlsChoice;
}

/**
 * What the client is told, for mounts as in `given`, the user's manifest and the options. Throws a `runtime` error if there
 * is no client library for the program, an `entrypoint` error if there are no authorities or the program loads no libraries.
 */
export function secretProvisioning(
  { servers, authorities }: SecretBrokers,
  parts: Parts,
  given: TomlTable,
): SecretProvisioning {
  const [believed] = authorities ? [graminizedPaths.brokerAuthorities] : (authoritiesIn(parts.tree) ?? []);
  if (believed === undefined) throw noAuthorities(parts.appName);
  const [setKey] = keysToDeliver(given);
  return {
    servers,
    authorities: believed,
    library: clientLibrary(parts),
    ...(setKey !== undefined && { setKey }),
  };
}

/** As a manifest. tools/sgx/ra-tls/secret_prov.h of Gramine 1.9. */
export function provisioningManifest({
  servers,
  authorities,
  library,
  setKey,
}: SecretProvisioning): TomlTable {
  const variables: readonly (readonly [string, TomlValue])[] = [
    ['LD_PRELOAD', textOf(library)],
    ['SECRET_PROVISION_CONSTRUCTOR', '1'],
    ['SECRET_PROVISION_SERVERS', servers.join(';')],
    ['SECRET_PROVISION_CA_CHAIN_PATH', textOf(authorities)],
    ...(setKey === undefined ? [] : ([['SECRET_PROVISION_SET_KEY', setKey]] as const)),
  ];
  return new Map([['loader', new Map([['env', new Map(variables)]])]]);
}

const libraryName = imagePath('/libsecret_prov_attest.so');

/**
 * The client library for the first program that starts, which is `gramine-ratls` with `--ratls`. A static application ignores
 * what is preloaded, one on another C library does not survive it.
 */
function clientLibrary({ appName, runtime, start, raTls }: Parts): ImagePath {
  const { libc } = start.libraries;
  const first: CLibraryName | 'static' = raTls === undefined ? libc : raTlsProgram(runtime).cLibrary;
  const hint =
    'let the application fetch its secrets itself, with the key and the certificate of --ratls, or build it on glibc';
  if (first === 'static') {
    const message = '--secret-from: the program is static and loads no library that could fetch a secret';
    throw new GscError({
      ...{ code: 'entrypoint', subject: appName, message },
      hint: 'add --ratls, whose program fetches the secret before it starts the application',
    });
  }
  if (libc !== 'static' && libc !== first) {
    const message = `--secret-from: the program is built for ${libc} and gramine-ratls for ${first}: no client library fits both`;
    throw new GscError({ code: 'runtime', subject: appName, message, hint });
  }
  const place = libraryPlace(runtime, libraryName, first);
  if (place !== undefined) return place;
  const message = `--secret-from: the runtime has no libsecret_prov_attest.so for ${first}`;
  throw new GscError({ code: 'runtime', subject: runtime.subject, message, hint });
}

function noAuthorities(appName: string): GscError {
  return new GscError({
    code: 'entrypoint',
    subject: appName,
    message: `--secret-from: the image has no certificate authorities (${usualBundles.join(', ')}), and the client believes no server without`,
    hint: "name the authority of the broker's certificate, as in --secret-from broker.example.com:4433=ca.pem",
  });
}

function textOf(path: ImagePath): string {
  return textOfBytes(path) ?? path;
}
