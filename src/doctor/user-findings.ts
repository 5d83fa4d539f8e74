import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GscError } from '../base/error.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import { defaultRuntimeImage } from '../config/default-runtime-image.ts';
import { readConfiguration } from '../config/read-configuration.ts';
import { withoutLogin } from '../provision/repository-login.ts';
import { runtimeSource } from '../provision/runtime-source.ts';
import { knownLogins } from '../store/registry/credentials.ts';
import { cacheDirectory } from '../workspace/scan-cache.ts';
import type { Area, Finding } from './finding.ts';

/** What belongs to the user: the runtime that is configured, logins, the cache, a key. */
export async function userFindings(
  host: HostEnvironment,
  keyPath: () => string,
): Promise<readonly Finding[]> {
  return [
    await orTrouble('building', 'runtime', () => runtimeFinding(host)),
    await orTrouble('building', 'registry logins', () => loginFinding(host)),
    await orTrouble('building', 'cache', () => cacheFinding(host)),
    await orTrouble('signing', 'key', () => keyFinding(keyPath())),
  ];
}

/** What is wrong with a file of the user's is a finding too. */
async function orTrouble(area: Area, name: string, find: () => Promise<Finding>): Promise<Finding> {
  try {
    return await find();
  } catch (error) {
    if (!(error instanceof GscError) || error.code === 'aborted') throw error;
    const { message: found, hint: advice } = error;
    return { area, name, state: 'missing', found, ...(advice !== undefined && { advice }) };
  }
}

async function runtimeFinding(host: HostEnvironment): Promise<Finding> {
  const about = { area: 'building', name: 'runtime', state: 'present' } as const;
  const source = runtimeSource(host, await readConfiguration(host, undefined));
  switch (source.kind) {
    case 'given':
      return { ...about, found: `${source.sources.map(withoutLogin).join(', ')}, from the configuration` };
    case 'build':
      return { ...about, found: 'built from its sources, as the configuration says' };
    case 'default':
      return { ...about, found: `${defaultRuntimeImage}, the default, which is fetched once` };
  }
}

async function loginFinding(host: HostEnvironment): Promise<Finding> {
  const about = { area: 'building', name: 'registry logins' } as const;
  const { hosts, helpers } = await knownLogins(host);
  const all = [...hosts, ...helpers.map((name) => `those of docker-credential-${name}`)];
  if (all.length > 0) return { ...about, state: 'present', found: all.join(', ') };
  return {
    ...about,
    state: 'optional',
    found: 'none: public images can be read, and nothing can be pushed',
    advice: 'docker login HOST, or podman login HOST',
  };
}

async function cacheFinding(host: HostEnvironment): Promise<Finding> {
  const directory = cacheDirectory(host);
  const about = { area: 'building', name: 'cache' } as const;
  let place = directory;
  while (place !== dirname(place) && (await stat(place).catch(() => undefined)) === undefined)
    place = dirname(place);
  const isWritable = await access(place, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (isWritable) return { ...about, state: 'present', found: directory };
  return {
    ...about,
    state: 'optional',
    found: `${directory}: cannot be written, so every layer is read at each build`,
    advice: 'set XDG_CACHE_HOME to a directory that can be written',
  };
}

async function keyFinding(path: string): Promise<Finding> {
  const about = { area: 'signing', name: 'key' } as const;
  if ((await stat(path).catch(() => undefined))?.isFile()) return { ...about, state: 'present', found: path };
  return {
    ...about,
    state: 'optional',
    found: `${path} does not exist; a key elsewhere is as good`,
    advice: 'gsc gen-private-key makes one there',
  };
}
