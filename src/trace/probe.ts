import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import type { HostEnvironment } from '../base/host-environment.ts';
import { runProgram } from '../base/run-program.ts';
import type { ContainerState } from '../store/engine/container.ts';
import type { Engine } from '../store/engine/engine.ts';

/** Something that is done to a running application, so that it opens what it needs for that. */
export type Probe =
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'http'; readonly url: URL };

/** How long one attempt may take. */
const attemptMs = 60_000;
/** Applications take their time to listen. */
const pauseMs = 250;

/** The port of the container that a probe asks, if it asks one. */
export function portOf(probe: Probe): number | undefined {
  if (probe.kind !== 'http' || !isContainer(probe.url)) return undefined;
  return Number(probe.url.port || (probe.url.protocol === 'https:' ? 443 : 80));
}

export interface ProbeContext {
  readonly host: HostEnvironment;
  readonly engine: Engine;
  readonly containerId: string;
  /** Asks the Engine again: applications end. */
  readonly state: () => Promise<ContainerState>;
  /** How long attempts go on, all probes together. */
  readonly deadline: number;
}

/** Tries a probe until it succeeds; gives the reason if it never does before the application ends or time is up. */
export async function runProbe(probe: Probe, context: ProbeContext): Promise<string | undefined> {
  let reason = 'it was not tried';
  for (;;) {
    const state = await context.state();
    const outcome = await attempt(probe, state, context);
    if (outcome === undefined) return undefined;
    reason = outcome;
    if (!state.isRunning) return `${reason}; the application has ended with code ${state.exitCode}`;
    if (performance.now() >= context.deadline) return reason;
    await delay(pauseMs, undefined, { signal: context.host.signal });
  }
}

export function showProbe(probe: Probe): string {
  return probe.kind === 'command' ? `--probe ${JSON.stringify(probe.command)}` : `--http ${probe.url.href}`;
}

/** What failed; undefined for success. */
async function attempt(
  probe: Probe,
  state: ContainerState,
  context: ProbeContext,
): Promise<string | undefined> {
  return probe.kind === 'command'
    ? runCommand(probe.command, state, context)
    : ask(probe.url, state, context.host);
}

/** A command of this machine, by its shell, told where the application is. */
async function runCommand(
  command: string,
  { address }: ContainerState,
  { host, containerId }: ProbeContext,
): Promise<string | undefined> {
  const environment = {
    ...host.environment,
    GSC_CONTAINER: containerId,
    GSC_ADDRESS: address ?? '127.0.0.1',
  };
  const result = await runProgram('/bin/sh', ['-c', command], {
    input: '',
    environment,
    timeoutMs: attemptMs,
    signal: host.signal,
  });
  if (result.isTimedOut) return 'it did not end in time';
  if (result.status === 0) return undefined;
  const said = result.stderr.trim().split('\n').at(-1) ?? '';
  return `it ended with ${result.status ?? 'a signal'}${said === '' ? '' : `: ${said}`}`;
}

/** Any answer is one: the application has done its work for it, errors too. */
async function ask(url: URL, state: ContainerState, host: HostEnvironment): Promise<string | undefined> {
  try {
    const { body } = await request(reachableUrl(url, state), {
      headers: { host: url.host },
      headersTimeout: attemptMs,
      bodyTimeout: attemptMs,
      signal: host.signal,
    });
    await body.dump();
    return undefined;
  } catch (error) {
    if (host.signal.aborted) throw error;
    return error instanceof Error
      ? error.message || String((error as { code?: unknown }).code)
      : String(error);
  }
}

/** Where this machine reaches a port of the container: published on loopback, else at the container's own address. */
function reachableUrl(url: URL, { publishedPorts, address }: ContainerState): URL {
  if (!isContainer(url)) return url;
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const reachable = new URL(url);
  const published = publishedPorts.get(port);
  reachable.hostname = published === undefined ? (address ?? '127.0.0.1') : '127.0.0.1';
  reachable.port = String(published ?? port);
  return reachable;
}

function isContainer({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1';
}
