import { findRuntime } from '../runtime/find-runtime.ts';
import { mergeRoots } from '../runtime/merge-roots.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { cannotFetch, defaultRuntimeImage, openDefaultRuntime } from './default-runtime.ts';
import type { CommandContext } from './program.ts';
import type { RuntimeOrder } from './runtime-order.ts';
import { openRuntimeRoots, type RuntimeRoot, rootOfImage } from './runtime-root.ts';

export interface RuntimeChoice {
  readonly order: RuntimeOrder;
  /** What the user says the version is. */
  readonly version: RuntimeVersion | undefined;
  /** In place of {@link defaultRuntimeImage}. */
  readonly defaultImage?: string;
}

/** Finds the Gramine runtime that was ordered. What the cache has of an image is not read again. */
export async function openRuntime(context: CommandContext, choice: RuntimeChoice): Promise<Runtime> {
  const { order, version, defaultImage = defaultRuntimeImage } = choice;
  if (order.kind === 'given') {
    const roots: RuntimeRoot[] = [];
    for (const source of order.sources) roots.push(...(await openRuntimeRoots(context, source, order.base)));
    return runtimeIn(roots, order.sources.join(', '), version);
  }
  const { image } = await openDefaultRuntime(context, { image: defaultImage, mirror: order.mirror });
  try {
    return await runtimeIn([await rootOfImage(context, image)], defaultImage, version);
  } catch (error) {
    throw cannotFetch(defaultImage, error);
  }
}

/** Searches all roots as if they were one; the first that knows its version tells it. */
function runtimeIn(
  roots: readonly RuntimeRoot[],
  subject: string,
  given: RuntimeVersion | undefined,
): Promise<Runtime> {
  const { tree, readFiles } = mergeRoots(roots);
  const version = given ?? roots.find((root) => root.version)?.version;
  const packageVersion = roots.find((root) => root.packageVersion)?.packageVersion;
  return findRuntime(tree, readFiles, {
    subject,
    ...(version && { version }),
    ...(packageVersion !== undefined && { packageVersion }),
  });
}
