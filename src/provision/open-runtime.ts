import { defaultRuntimeImage } from '../config/default-runtime-image.ts';
import { showImageName } from '../reference/image-name.ts';
import { findRuntime } from '../runtime/find/find-runtime.ts';
import { mergeRoots } from '../runtime/find/merge-roots.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Family, RuntimeVersion } from '../runtime/version.ts';
import { transportOf } from '../store/opened-image.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { cannotFetch, openDefaultRuntime } from './default-runtime.ts';
import { planRuntime, provideRuntime } from './provide-runtime.ts';
import { type RuntimeBuildChoices, readRuntimeBuildSpec } from './runtime-build-spec.ts';
import { findRuntimePlace, placeInImage, type RuntimePlace, type RuntimeRoot } from './runtime-root.ts';
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

/** A Gramine runtime that was ordered: where it is, and what reads it. */
export interface FoundRuntime {
  /**
   * What decides which runtime this is, as a plain value, where that is known before it is read. The same
   * identity is the same {@link Runtime}.
   */
  readonly identity?: unknown;
  /**
   * A plain value that is the same as long as the {@link Runtime} is, where there is one without reading it: of directories what
   * the kernel says. Another one says nothing.
   */
  readonly state?: unknown;
  /** Nothing is read that the cache has. */
  open(): Promise<Runtime>;
}

/** Finds the Gramine runtime that was ordered, or builds it. */
export async function findOrderedRuntime(workspace: Workspace, choice: RuntimeChoice): Promise<FoundRuntime> {
  const { order, version, defaultImage = defaultRuntimeImage } = choice;
  if (order.kind === 'build') return findBuilt(workspace, order, choice);
  if (order.kind === 'given') {
    const places: RuntimePlace[] = [];
    for (const source of order.sources) places.push(await findRuntimePlace(workspace, source, order.base));
    return runtimeAt(places, order.sources.join(', '), version);
  }
  const { image } = await openDefaultRuntime(workspace, { image: defaultImage, mirror: order.mirror });
  const found = runtimeAt([placeInImage(workspace, image)], defaultImage, version);
  const open = () =>
    found.open().catch((error: unknown) => {
      throw cannotFetch(defaultImage, error);
    });
  return { ...found, open };
}

/** Finds the Gramine runtime that was ordered and reads it. */
export async function openRuntime(workspace: Workspace, choice: RuntimeChoice): Promise<Runtime> {
  return (await findOrderedRuntime(workspace, choice)).open();
}

async function findBuilt(
  workspace: Workspace,
  order: RuntimeSource & { readonly kind: 'build' },
  { building: { choices, detect }, version }: RuntimeChoice,
): Promise<FoundRuntime> {
  const buildOrder = await readRuntimeBuildSpec(workspace, { ...order, choices, detect });
  const { name, id } = await provideRuntime(workspace, planRuntime(buildOrder), choices);
  const kind = transportOf(await workspace.images.engine());
  const { image } = await workspace.images.open({ kind, image: { kind: 'id', digest: id } });
  return runtimeAt([placeInImage(workspace, image)], showImageName(name), version);
}

function runtimeAt(
  places: readonly RuntimePlace[],
  subject: string,
  version: RuntimeVersion | undefined,
): FoundRuntime {
  const identities = places.map(({ identity }) => identity);
  const states = places.map(({ identity, state }) => identity ?? state);
  const open = async () => {
    const roots: RuntimeRoot[] = [];
    for (const place of places) roots.push(...(await place.roots()));
    return runtimeIn(roots, subject, version);
  };
  if (!identities.includes(undefined)) return { identity: { identities, subject, version }, open };
  return states.includes(undefined) ? { open } : { state: { states, subject, version }, open };
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
