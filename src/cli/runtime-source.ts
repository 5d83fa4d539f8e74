import { showImageName } from '../reference/image-name.ts';
import { findRuntime } from '../runtime/find-runtime.ts';
import { mergeRoots } from '../runtime/merge-roots.ts';
import type { Family } from '../runtime/recipe/recipe.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { cannotFetch, defaultRuntimeImage, openDefaultRuntime } from './default-runtime.ts';
import type { CommandContext } from './program.ts';
import { planRuntime, provideRuntime } from './runtime-build/provide-runtime.ts';
import { readBuildOrder } from './runtime-build/read-build-order.ts';
import type { RuntimeBuildOptions } from './runtime-build/runtime-build-options.ts';
import type { RuntimeOrder } from './runtime-order.ts';
import { openRuntimeRoots, type RuntimeRoot, rootOfImage } from './runtime-root.ts';
import { transportOf } from './stores.ts';

export interface RuntimeChoice {
  readonly order: RuntimeOrder;
  /** What the user says the version is. */
  readonly version: RuntimeVersion | undefined;
  /** In place of {@link defaultRuntimeImage}. */
  readonly defaultImage?: string;
  readonly building: RuntimeBuilding;
}

/** How a runtime that is ordered from its sources is had. */
export interface RuntimeBuilding {
  readonly options: RuntimeBuildOptions;
  /** What the app image is, for `Distro: auto`. */
  readonly detect: (family: Family) => Promise<string | undefined>;
}

/** Finds the Gramine runtime that was ordered. What the cache has of an image is not read again. */
export async function openRuntime(context: CommandContext, choice: RuntimeChoice): Promise<Runtime> {
  const { order, version, defaultImage = defaultRuntimeImage } = choice;
  if (order.kind === 'build') return openBuilt(context, order, choice);
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

async function openBuilt(
  context: CommandContext,
  order: RuntimeOrder & { readonly kind: 'build' },
  { building: { options, detect }, version }: RuntimeChoice,
): Promise<Runtime> {
  const buildOrder = await readBuildOrder(context, { ...order, options, detect });
  const { name, id } = await provideRuntime(context, planRuntime(buildOrder), {
    isFresh: options.cache === false,
    ...(options.network !== undefined && { network: options.network }),
    removeStages: options.rm === true,
  });
  const kind = transportOf(await context.stores.engine());
  const { image } = await context.stores.open({ kind, image: { kind: 'id', digest: id } });
  return runtimeIn([await rootOfImage(context, image)], showImageName(name), version);
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
    patches: roots.flatMap((root) => root.patches ?? []),
  });
}
