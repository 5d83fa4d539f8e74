import { GscError } from '../base/error.ts';
import { findProgram } from '../base/find-program.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import { listOf, object, text } from '../json/shape.ts';
import type { Engine } from '../store/engine/engine.ts';
import type { Finding } from './finding.ts';

const versionShape = object({ Version: text });
const infoShape = object({ SecurityOptions: listOf(text) });

/** What there is of an Engine, and of the programs that start containers. `connect` throws an `engine` error without one. */
export async function engineFindings(
  connect: () => Promise<Engine>,
  host: HostEnvironment,
): Promise<readonly Finding[]> {
  try {
    const engine = await connect();
    return [await versionFinding(engine), await clientFinding(engine, host), await seccompFinding(engine)];
  } catch (error) {
    if (!(error instanceof GscError) || !['engine', 'config', 'unreadable'].includes(error.code)) throw error;
    const { message: found, hint: advice } = error;
    return [
      { area: 'building', name: 'engine', state: 'optional', found, ...(advice !== undefined && { advice }) },
    ];
  }
}

async function versionFinding(engine: Engine): Promise<Finding> {
  const request = { method: 'GET', path: '/version', purpose: 'ask for its version' } as const;
  const version = (await engine.ask(request, versionShape))?.Version ?? 'of unknown version';
  const found = `${engine.subject}, ${version}, API ${engine.apiVersion}`;
  return { area: 'building', name: 'engine', state: 'present', found };
}

/** The program that `gsc run` starts. */
async function clientFinding({ kind }: Engine, { environment }: HostEnvironment): Promise<Finding> {
  const path = await findProgram(kind, environment);
  const about = { area: 'running', name: 'client' } as const;
  if (path !== undefined) return { ...about, state: 'present', found: path };
  const packageName = kind === 'docker' ? 'docker-cli' : 'podman';
  return {
    ...about,
    state: 'missing',
    found: `${kind} is not on PATH, and gsc run starts containers with it`,
    advice: `install it: apt install ${packageName}`,
  };
}

/** Direct mode makes system calls that the usual profile refuses. */
async function seccompFinding(engine: Engine): Promise<Finding> {
  const request = { method: 'GET', path: '/info', purpose: 'ask for its security options' } as const;
  const options = (await engine.ask(request, infoShape))?.SecurityOptions ?? [];
  const isOn = options.some((option) => /seccomp/.test(option) && !/profile=unconfined/.test(option));
  const found = isOn
    ? 'on; direct mode needs --security-opt seccomp=unconfined, which gsc run --direct gives'
    : 'off; direct mode works as it is';
  return { area: 'running', name: 'seccomp', state: 'present', found };
}
