import { join } from 'node:path';
import { dockerHub } from '../../reference/docker-hub.ts';
import { type AuthEntry, type AuthFile, readAuthFile } from './auth-file.ts';
import { askHelper, type Credentials, type HelperQuestion } from './credential-helper.ts';
import type { RegistrySettings } from './registry-options.ts';

/** The names under which Docker and podman file credentials of Docker Hub. */
const hubHosts: readonly string[] = [dockerHub.domain, dockerHub.formerDomain, dockerHub.apiHost];

/**
 * The credentials for a repository, or undefined if there are none. Looks into REGISTRY_AUTH_FILE alone if that is set,
 * else into Docker's config.json and then podman's auth.json; in each, a helper takes precedence over the file's own entries, and
 * the most specific entry wins. Throws if a file or a helper is broken.
 */
export async function findCredentials(
  domain: string,
  path: string,
  settings: RegistrySettings,
): Promise<Credentials | undefined> {
  for (const { file, isRequired } of authFilePaths(settings)) {
    const content = await readAuthFile(file, isRequired);
    const found = content && (await lookUp(content, { domain, path, settings }));
    if (found) return found;
  }
  return undefined;
}

/** Where there are logins: hosts (or `HOST/PATH`) of the files, and helpers that know more. */
export interface KnownLogins {
  readonly hosts: readonly string[];
  /** Names of helpers that keep the logins of all other hosts. */
  readonly helpers: readonly string[];
}

/** What the user's files say about logins, without asking a helper. Throws if a file is damaged. */
export async function knownLogins(
  settings: Pick<RegistrySettings, 'environment' | 'homeDirectory'>,
): Promise<KnownLogins> {
  const hosts = new Set<string>();
  const helpers = new Set<string>();
  for (const { file, isRequired } of authFilePaths(settings)) {
    const content = await readAuthFile(file, isRequired);
    for (const host of [...(content?.auths.keys() ?? []), ...(content?.credHelpers.keys() ?? [])])
      hosts.add(host);
    if (content?.credsStore !== undefined) helpers.add(content.credsStore);
  }
  return { hosts: [...hosts].sort(), helpers: [...helpers] };
}

interface Wanted {
  readonly domain: string;
  readonly path: string;
  readonly settings: RegistrySettings;
}

/** docker CLI reference, "Configuration files"; containers-auth.json(5). */
function authFilePaths({
  environment,
  homeDirectory,
}: Pick<RegistrySettings, 'environment' | 'homeDirectory'>): readonly {
  readonly file: string;
  readonly isRequired: boolean;
}[] {
  const named = environment.REGISTRY_AUTH_FILE;
  if (named) return [{ file: named, isRequired: true }];
  const runtime = environment.XDG_RUNTIME_DIR;
  const config = environment.XDG_CONFIG_HOME || join(homeDirectory, '.config');
  return [
    join(environment.DOCKER_CONFIG || join(homeDirectory, '.docker'), 'config.json'),
    ...(runtime ? [join(runtime, 'containers', 'auth.json')] : []),
    join(config, 'containers', 'auth.json'),
  ].map((file) => ({ file, isRequired: false }));
}

async function lookUp(file: AuthFile, wanted: Wanted): Promise<Credentials | undefined> {
  const helper = helperFor(file, wanted.domain);
  if (helper !== undefined) {
    const found = await askHelper(helperQuestion(file, helper, wanted), wanted.settings);
    if (found) return found;
  }
  const entry = keysFor(wanted)
    .map((key) => file.auths.get(key))
    .find((candidate) => candidate !== undefined);
  return entry && credentialsOf(entry, file.path);
}

function helperFor(file: AuthFile, domain: string): string | undefined {
  const hosts = isHub(domain) ? [...hubHosts, dockerHub.loginServer] : [domain];
  const own = hosts.map((host) => file.credHelpers.get(host)).find((name) => name !== undefined);
  return own ?? file.credsStore;
}

function helperQuestion(file: AuthFile, name: string, { domain }: Wanted): HelperQuestion {
  return { name, server: isHub(domain) ? dockerHub.loginServer : domain, file: file.path };
}

/** From the most specific to the host alone. Keys of the file are without scheme and API path already. */
function keysFor({ domain, path }: Wanted): readonly string[] {
  const folders = path.split('/').map((_, index, parts) => parts.slice(0, parts.length - index).join('/'));
  const hosts = isHub(domain) ? hubHosts : [domain];
  return [...folders.map((folder) => `${domain}/${folder}`), ...hosts];
}

function isHub(domain: string): boolean {
  return hubHosts.includes(domain);
}

function credentialsOf(entry: AuthEntry, source: string): Credentials | undefined {
  if (entry.identityToken !== undefined)
    return { kind: 'identity-token', token: entry.identityToken, source };
  if (entry.registryToken !== undefined)
    return { kind: 'registry-token', token: entry.registryToken, source };
  if (entry.username === undefined || entry.password === undefined) return undefined;
  return { kind: 'password', username: entry.username, password: entry.password, source };
}
