import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GscError } from '../base/error.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import { type BareReference, showReference } from '../reference/image-reference.ts';
import type { Engine } from './engine/engine.ts';
import { inspectEngineImage, nearImageName } from './engine/image-facts.ts';

/** Whether an Engine has the image of a bare name; `obstacle` says why there is none to take it from. */
export type EngineSearch =
  | { readonly kind: 'found'; readonly engine: Engine }
  | { readonly kind: 'missing'; readonly engine: Engine; readonly obstacle: GscError }
  | { readonly kind: 'unreachable'; readonly obstacle: GscError };

/** Asks the Engine, if there is one. Throws what is wrong with the user's settings, and `aborted`. */
export async function searchEngine(
  connect: () => Promise<Engine>,
  { image }: BareReference,
): Promise<EngineSearch> {
  try {
    const engine = await connect();
    if (await inspectEngineImage(engine, image)) return { kind: 'found', engine };
    const obstacle = new GscError({
      code: 'not-found',
      subject: engine.subject,
      message: 'there is no such image',
      hint: 'docker images lists the images',
    });
    return { kind: 'missing', engine, obstacle };
  } catch (error) {
    if (!(error instanceof GscError) || error.code !== 'engine') throw error;
    return { kind: 'unreachable', obstacle: error };
  }
}

/** What is known where a bare name was not found: the registry's error, and a hint if a file here has that name. */
export interface Unfound {
  readonly error: unknown;
  readonly localHint: string | undefined;
}

/**
 * The error for a bare name that neither an Engine nor the registry knows. An image that is
 * there and of no use is its own error, which passes.
 */
export async function imageNotFound(
  bare: BareReference,
  search: Exclude<EngineSearch, { kind: 'found' }>,
  { error, localHint }: Unfound,
): Promise<unknown> {
  if (!(error instanceof GscError) || (error.code !== 'registry' && error.code !== 'not-found')) return error;
  return new GscError({
    // Docker Hub says about images that do not exist that the login is missing.
    code: search.kind === 'missing' ? 'not-found' : error.code,
    subject: showReference(bare),
    message: `neither an Engine nor the registry provides the image: ${search.obstacle.message}; ${error.message}`,
    hint: localHint ?? (await hintFor(bare, search, error)) ?? otherPlaces,
    cause: error,
    isPassing: error.isPassing || search.obstacle.isPassing,
  });
}

const otherPlaces = 'say where it is: docker-daemon:NAME, docker://HOST/NAME, oci:DIR or docker-archive:FILE';

async function hintFor(
  { image }: BareReference,
  search: Exclude<EngineSearch, { kind: 'found' }>,
  error: GscError,
): Promise<string | undefined> {
  const near = search.kind === 'missing' ? await nearImageName(search.engine, image) : undefined;
  if (near !== undefined) return `did you mean ${near}?`;
  // A registry that answered knows best; one that did not is perhaps not the place that the user meant.
  const hasAnswered = error.cause === undefined;
  return hasAnswered || search.kind === 'missing' ? error.hint : search.obstacle.hint;
}

/** What to write where a file or a directory here has the name that was taken for an image's; undefined if there is none. */
export async function hintForLocalName(
  { workingDirectory }: HostEnvironment,
  name: string,
): Promise<string | undefined> {
  const status = await stat(resolve(workingDirectory, name)).catch(() => undefined);
  if (status?.isDirectory()) return `${name} is a directory here: an image in it is named oci:${name}`;
  if (status === undefined) return undefined;
  return `${name} is a file here: an image in it is named docker-archive:${name} or oci-archive:${name}`;
}
