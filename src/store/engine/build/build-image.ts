import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { type Digest, isDigest } from '../../../base/digest.ts';
import { GscError } from '../../../base/error.ts';
import type { Builder, Engine } from '../engine.ts';
import { readText } from '../engine-connection.ts';
import { failureError, refusalError } from '../engine-error.ts';
import { type ContextFile, contextTar, podmanSecrets } from './build-context.ts';
import type { BuildEvent } from './build-event.ts';
import { buildFailure } from './build-failure.ts';
import { type BuildSupplies, openBuildSession } from './build-session.ts';
import { BuildTranscript } from './build-transcript.ts';
import { BuildkitEvents } from './buildkit-events.ts';
import { ClassicEvents } from './classic-events.ts';
import { registryConfig } from './registry-config.ts';

/** What is built, and how. */
export interface ImageBuild extends BuildSupplies {
  /** What is built, for messages: `the runtime gsc-runtime:1f2e`. */
  readonly subject: string;
  /** The context, with a `Dockerfile` at its top. */
  readonly files: readonly ContextFile[];
  readonly buildArguments: ReadonlyMap<string, string>;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the containers that steps run in; default the Engine's. */
  readonly network?: string;
  /** Run every step again. */
  readonly isFresh?: boolean;
  /** Do not store what stages make, where the Engine would not name it afterwards: Podman. */
  readonly forgetsStages?: boolean;
  /** The registries of the base images, whose logins the classic builder wants beforehand. */
  readonly registries: readonly string[];
}

export interface BuildOptions {
  readonly builder: Builder;
  readonly onEvent?: (event: BuildEvent) => void;
}

/** The images that a build made: the result, and those of earlier stages, which have no name. */
export interface BuiltImage {
  readonly id: Digest;
  readonly stages: readonly Digest[];
}

/**
 * Builds an image and gives its ID; it has no name. When the caller's signal aborts or the connection breaks, the Engine
 * stops. Throws a `build` error with the step that failed and the end of its output, `engine`, `aborted`.
 */
export async function buildImage(
  engine: Engine,
  build: ImageBuild,
  options: BuildOptions,
): Promise<BuiltImage> {
  const session = options.builder === 'buildkit' ? await openBuildSession(engine, build) : undefined;
  try {
    const outcome = await runBuild(engine, build, { ...options, session: session?.id });
    if (outcome.kind === 'failed') throw buildFailure(build.subject, outcome);
    const images = outcome.images.filter((id): id is Digest => isDigest(id));
    const id = images.at(-1);
    if (id === undefined) {
      throw failureError(
        engine.subject,
        `build ${build.subject}`,
        'the Engine reports success, but names no image',
      );
    }
    return { id, stages: images.slice(0, -1).filter((stage) => stage !== id) };
  } finally {
    session?.close();
  }
}

async function runBuild(
  engine: Engine,
  build: ImageBuild,
  { builder, onEvent, session }: BuildOptions & { readonly session: string | undefined },
) {
  const purpose = `build ${build.subject}`;
  const isPodman = engine.kind === 'podman';
  const secrets = podmanSecrets(isPodman ? build.secrets : new Map());
  const query = {
    ...buildQuery(build, builder, session),
    ...secrets.query,
    // Podman's own: images of steps are its cache.
    ...(isPodman && build.forgetsStages && { layers: '0' }),
  };
  const { status, body } = await engine.send({
    method: 'POST',
    path: `/build?${new URLSearchParams(query)}`,
    purpose,
    contentType: 'application/x-tar',
    headers: builder === 'classic' ? await registryConfig(build) : {},
    body: () => contextTar([...build.files, ...secrets.files]),
    isEndless: true,
  });
  if (status >= 300) throw refusalError(engine.subject, purpose, { status, text: await readText(body) });
  const events = builder === 'classic' ? new ClassicEvents() : new BuildkitEvents();
  const transcript = new BuildTranscript();
  for await (const line of createInterface({
    input: Readable.from(body),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line.trim() === '') continue;
    for (const event of understood(() => events.read(line), { line, engine, purpose })) {
      transcript.add(event);
      onEvent?.(event);
    }
  }
  return transcript.outcome();
}

/** Docker Engine API, ImageBuild. */
function buildQuery(
  { buildArguments, labels, network, isFresh }: ImageBuild,
  builder: Builder,
  session: string | undefined,
): Readonly<Record<string, string>> {
  return {
    version: builder === 'buildkit' ? '2' : '1',
    ...(session !== undefined && { session, buildid: randomUUID() }),
    buildargs: JSON.stringify(Object.fromEntries(buildArguments)),
    labels: JSON.stringify(labels),
    ...(network !== undefined && { networkmode: network }),
    ...(isFresh && { nocache: '1' }),
    // Containers of steps go, also of the one that failed.
    rm: '1',
    forcerm: '1',
    platform: 'linux/amd64',
  };
}

function understood(
  read: () => readonly BuildEvent[],
  { line, engine, purpose }: { readonly line: string; readonly engine: Engine; readonly purpose: string },
): readonly BuildEvent[] {
  try {
    return read();
  } catch (cause) {
    throw new GscError({
      code: 'engine',
      subject: engine.subject,
      message: `cannot ${purpose}: unexpected response: ${JSON.stringify(line.slice(0, 200))}`,
      hint: 'use a version of Docker from 20.10 on, or Podman from 4 on',
      cause,
    });
  }
}
