import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { GscError } from '../../base/error.ts';
import { ignoring } from '../local/temporary-file.ts';
import { contextAddress, currentContext, readTls } from './docker-context.ts';
import { connectEngine, type Engine } from './engine.ts';
import { dockerSocket, type EngineAddress, parseAddress } from './engine-address.ts';
import type { EngineOptions } from './engine-connection.ts';
import { withoutEngineHint } from './engine-error.ts';

/** Whose socket is looked for: Docker's, Podman's, or Docker's and after it Podman's. */
export type EngineFlavour = 'docker' | 'podman' | 'any';

/** What the command line knows of the place where it runs. */
export interface EngineSurroundings {
  /**
   * Variables that count: DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG, DOCKER_TLS, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH,
   * CONTAINER_HOST, XDG_RUNTIME_DIR.
   */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory: string;
  /** Numeric user id, for the run-time directory where XDG_RUNTIME_DIR is not set. */
  readonly userId?: number;
}

export interface FindEngineOptions extends EngineSurroundings, EngineOptions {
  readonly flavour: EngineFlavour;
}

/**
 * Connects to the Engine that the user means. What is set by a variable or a Docker context is the only one tried;
 * otherwise the usual sockets are, in turn. The caller closes it. Throws an `engine` error if none answers, `config` or
 * `unreadable` if the settings are wrong, `aborted`.
 */
export async function findEngine(options: FindEngineOptions): Promise<Engine> {
  const addresses = await findAddresses(options, options.flavour);
  let firstFailure: unknown;
  for (const address of addresses) {
    try {
      return await connectEngine(address, options);
    } catch (error) {
      if (!(error instanceof GscError) || error.code !== 'engine') throw error;
      firstFailure ??= error;
    }
  }
  throw firstFailure;
}

/** The addresses to try, best first; never none. Throws an `engine` error if there is no socket anywhere. */
export async function findAddresses(
  surroundings: EngineSurroundings,
  flavour: EngineFlavour,
): Promise<readonly EngineAddress[]> {
  const chosen = await chosenAddress(surroundings, flavour);
  if (chosen) return [chosen];
  const usual = usualSockets(surroundings, flavour);
  const found: EngineAddress[] = [];
  for (const path of usual) {
    const origin = 'the usual place';
    if (await isSocket(path)) found.push({ kind: 'unix', path, origin });
  }
  if (found.length > 0) return found;
  throw new GscError({
    code: 'engine',
    subject: flavour === 'podman' ? 'Podman' : 'Docker Engine',
    message: `no socket was found; looked for ${usual.join(', ')}`,
    hint: `${startHint[flavour]}, or ${withoutEngineHint}`,
    isPassing: true,
  });
}

const startHint: Readonly<Record<EngineFlavour, string>> = {
  docker: 'start it (systemctl start docker) or set DOCKER_HOST',
  podman: 'start its service (systemctl --user start podman.socket) or set CONTAINER_HOST',
  any: 'start it (systemctl start docker) or set DOCKER_HOST',
};

/** What the user or a context says; an empty variable counts as unset, as it does for `docker`. */
async function chosenAddress(
  surroundings: EngineSurroundings,
  flavour: EngineFlavour,
): Promise<EngineAddress | undefined> {
  const { environment } = surroundings;
  const docker = flavour === 'podman' ? undefined : await chosenDocker(surroundings);
  if (docker) return docker;
  if (flavour === 'docker' || !environment.CONTAINER_HOST) return undefined;
  return parseAddress(environment.CONTAINER_HOST, 'CONTAINER_HOST');
}

async function chosenDocker(surroundings: EngineSurroundings): Promise<EngineAddress | undefined> {
  const { environment, homeDirectory } = surroundings;
  const directory = environment.DOCKER_CONFIG || join(homeDirectory, '.docker');
  if (environment.DOCKER_HOST) {
    const tls = await tlsOfEnvironment(environment, directory);
    return parseAddress(environment.DOCKER_HOST, 'DOCKER_HOST', tls);
  }
  if (environment.DOCKER_CONTEXT)
    return contextAddress(directory, environment.DOCKER_CONTEXT, 'DOCKER_CONTEXT');
  const context = await currentContext(directory);
  return context === undefined
    ? undefined
    : contextAddress(directory, context, `Docker context ${JSON.stringify(context)}`);
}

async function tlsOfEnvironment(environment: EngineSurroundings['environment'], directory: string) {
  const isVerified = Boolean(environment.DOCKER_TLS_VERIFY);
  if (!isVerified && !environment.DOCKER_TLS) return undefined;
  const keys = await readTls(environment.DOCKER_CERT_PATH || directory, isVerified);
  return keys ?? { isVerified };
}

/** Docker: the system's, rootless, Docker Desktop. Podman: rootless before the system's, as `podman --remote` does. */
function usualSockets(surroundings: EngineSurroundings, flavour: EngineFlavour): readonly string[] {
  const { environment, homeDirectory, userId } = surroundings;
  const runtime = environment.XDG_RUNTIME_DIR || (userId === undefined ? undefined : `/run/user/${userId}`);
  const inRuntime = (name: string) => (runtime === undefined ? [] : [join(runtime, name)]);
  const docker = [
    dockerSocket,
    ...inRuntime('docker.sock'),
    join(homeDirectory, '.docker', 'run', 'docker.sock'),
  ];
  const system = '/run/podman/podman.sock';
  const own = inRuntime('podman/podman.sock');
  const podman = userId === 0 ? [system, ...own] : [...own, system];
  return [...(flavour === 'podman' ? [] : docker), ...(flavour === 'docker' ? [] : podman)];
}

async function isSocket(path: string): Promise<boolean> {
  const facts = await stat(path).catch(ignoring('ENOENT', 'ENOTDIR', 'EACCES'));
  return facts?.isSocket() === true;
}
