import { defaultRuntimeImage } from '../config/default-runtime-image.ts';
import { showImageName } from '../reference/image-name.ts';
import { findRuntime } from '../runtime/find/find-runtime.ts';
import { mergeRoots } from '../runtime/find/merge-roots.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Family, RuntimeVersion } from '../runtime/version.ts';
import { transportOf } from '../store/image-store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { cannotFetch, openDefaultRuntime } from './default-runtime.ts';
import { planRuntime, provideRuntime } from './provide-runtime.ts';
import { type RuntimeBuildChoices, readRuntimeBuildSpec } from './runtime-build-spec.ts';
import { openRuntimeRoots, type RuntimeRoot, rootOfImage } from './runtime-root.ts';
import type { RuntimeSource } from './runtime-source.ts';

export interface RuntimeChoice {
  readonly order: RuntimeSource;
  /** What the user says the version is. */
  readonly version: RuntimeVersion | undefined;
  /** In place of {@link defaultRuntimeImage}. */
  readonly defaultImage?: string;
  readonly building: RuntimeBuilding;
}

/** How a runtime that is ordered from its sources is had. */
export interface RuntimeBuilding {
  readonly choices: RuntimeBuildChoices;
  /** What the app image is, for `Distro: auto`. */
  readonly detect: (family: Family) => Promise<string | undefined>;
}

/** Finds the Gramine runtime that was ordered. What the cache has of an image is not read again. */
export async function openRuntime(workspace: Workspace, choice: RuntimeChoice): Promise<Runtime> {
  const { order, version, defaultImage = defaultRuntimeImage } = choice;
  if (order.kind === 'build') return openBuilt(workspace, order, choice);
  if (order.kind === 'given') {
    const roots: RuntimeRoot[] = [];
    for (const source of order.sources)
      roots.push(...(await openRuntimeRoots(workspace, source, order.base)));
    return runtimeIn(roots, order.sources.join(', '), version);
  }
  const { image } = await openDefaultRuntime(workspace, { image: defaultImage, mirror: order.mirror });
  try {
    return await runtimeIn([await rootOfImage(workspace, image)], defaultImage, version);
  } catch (error) {
    throw cannotFetch(defaultImage, error);
  }
}

async function openBuilt(
  workspace: Workspace,
  order: RuntimeSource & { readonly kind: 'build' },
  { building: { choices, detect }, version }: RuntimeChoice,
): Promise<Runtime> {
  const buildOrder = await readRuntimeBuildSpec(workspace, { ...order, choices, detect });
  const { name, id } = await provideRuntime(workspace, planRuntime(buildOrder), choices);
  const kind = transportOf(await workspace.images.engine());
  const { image } = await workspace.images.open({ kind, image: { kind: 'id', digest: id } });
  return runtimeIn([await rootOfImage(workspace, image)], showImageName(name), version);
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
