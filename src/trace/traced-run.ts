import { setTimeout as delay } from 'node:timers/promises';
import { GscError } from '../base/error.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import type { ImagePath } from '../base/image-path.ts';
import type { Reporter } from '../base/reporter.ts';
import {
  type ContainerState,
  containerOutput,
  createContainer,
  inspectContainer,
  readContainerFile,
  removeContainer,
  startContainer,
  stopContainer,
} from '../store/engine/container.ts';
import type { Engine } from '../store/engine/engine.ts';
import { readTrace, type Trace } from './opened-names.ts';
import { type Probe, portOf, runProbe, showProbe } from './probe.ts';

/** How long probes are tried before the application counts as one that does not answer. */
const probingMs = 300_000;
/** As `docker stop` has it. */
const stopSeconds = 10;
/** How many lines of the application an error shows. */
const shownLines = 20;

/** An image in an Engine that writes a trace where it runs, and how to run it. */
export interface TracedRun {
  readonly image: string;
  /** What reports call the application. */
  readonly title: string;
  /** In place of the image's own. */
  readonly entrypoint?: readonly string[];
  readonly network?: string;
  readonly probes: readonly Probe[];
  /** How long the application runs after the probes; default 2, without probes 30. */
  readonly seconds?: number;
  /** Of the log, in the container. */
  readonly log: string;
  /** The application's first working directory. */
  readonly startDirectory: ImagePath;
}

interface Surroundings {
  readonly host: HostEnvironment;
  readonly engine: Engine;
  readonly reporter: Reporter;
}

/**
 * Runs the container, probes it, stops it and reads its log; the container is gone afterwards. Throws a `trace` error, with the
 * application's last lines, if a probe does not succeed within five minutes.
 */
export async function runTraced(surroundings: Surroundings, run: TracedRun): Promise<Trace> {
  const { engine, reporter } = surroundings;
  const { probes, entrypoint, network } = run;
  const id = await createContainer(engine, {
    image: run.image,
    environment: ['GRAMINE_MODE=direct'],
    ...(entrypoint && { entrypoint }),
    securityOptions: ['seccomp=unconfined'],
    ...(network !== undefined && { network }),
    ports: network === undefined ? [...new Set(probes.flatMap((probe) => portOf(probe) ?? []))] : [],
  });
  try {
    reporter.say(`running ${run.title} on Gramine without an enclave, in ${engine.subject}`);
    await startContainer(engine, id);
    await probeAndWait(surroundings, id, run);
    await stopContainer(engine, id, stopSeconds);
    const { exitCode } = await inspectContainer(engine, id);
    reporter.say(`  ended with code ${exitCode}`);
    if (probes.length === 0 && exitCode !== 0) {
      const lines = await lastLines(engine, id);
      reporter.warn(
        `the application ended with code ${exitCode}: the profile has what it opened until then${lines}`,
      );
    }
    return await readLog(engine, id, run);
  } finally {
    await removeContainer(engine, id);
  }
}

async function probeAndWait(
  { host, engine, reporter }: Surroundings,
  containerId: string,
  { probes, seconds = probes.length > 0 ? 2 : 30 }: TracedRun,
): Promise<void> {
  const state = () => inspectContainer(engine, containerId);
  const deadline = performance.now() + probingMs;
  for (const probe of probes) {
    const problem = await runProbe(probe, { host, engine, containerId, state, deadline });
    if (problem !== undefined) throw await probeFailed(engine, containerId, { probe, problem });
    reporter.say(`  ${showProbe(probe)}: done`);
  }
  await letRun(host, state, seconds);
}

/** Until time is up, or the application has ended by itself. */
async function letRun(
  { signal }: HostEnvironment,
  state: () => Promise<ContainerState>,
  seconds: number,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while ((await state()).isRunning && performance.now() < end) {
    await delay(Math.min(250, Math.max(0, end - performance.now())), undefined, { signal });
  }
}

async function readLog(engine: Engine, id: string, { log, startDirectory }: TracedRun): Promise<Trace> {
  const pieces: Buffer[] = [];
  // Views may be reused by the reader of tars.
  await readContainerFile(engine, { id, path: log }, (piece) => pieces.push(Buffer.from(piece)));
  return readTrace(pieces, { startDirectory });
}

async function probeFailed(
  engine: Engine,
  id: string,
  { probe, problem }: { readonly probe: Probe; readonly problem: string },
): Promise<GscError> {
  return new GscError({
    code: 'trace',
    subject: showProbe(probe),
    message: `${problem}${await lastLines(engine, id)}`,
    hint: 'try it with the app image itself first; --network host and a manifest with more memory are what is most often missing',
  });
}

async function lastLines(engine: Engine, id: string): Promise<string> {
  const lines = (await containerOutput(engine, id, shownLines)).split('\n').filter((line) => line !== '');
  return lines.map((line) => `\n  | ${line}`).join('');
}
