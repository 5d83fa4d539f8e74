import type { Configuration } from '../config/configuration.ts';
import type { Image } from '../image/image.ts';
import { type FoundRuntime, findOrderedRuntime } from '../provision/open-runtime.ts';
import type { RuntimeBuildChoices } from '../provision/runtime-build-spec.ts';
import { rootOfImage } from '../provision/runtime-root.ts';
import { runtimeSource } from '../provision/runtime-source.ts';
import { detectDistribution } from '../runtime/recipe/detect-distribution.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Family, RuntimeVersion } from '../runtime/version.ts';
import { type Images, workspaceOf } from './images.ts';

export interface OpenRuntimeOptions {
  /**
   * Images, directories, `.deb` and `.rpm` files that have the runtime together. By default what the configuration says, and
   * without one the default runtime, which is fetched once.
   */
  readonly sources?: readonly string[];
  readonly configuration?: Configuration;
  /** In place of what the runtime says its version is. */
  readonly version?: RuntimeVersion;
  /**
   * The app image, or what opens it: a runtime that is built for `Distro: auto` is built on its distribution. It is called only if a
   * runtime should be built, and before that: a wrong name is not found after the minutes that a build takes.
   */
  readonly app?: Image | (() => Promise<Image>);
  /** How a runtime is built that the configuration wants built from its sources. */
  readonly build?: Partial<RuntimeBuildChoices>;
}

const defaultBuild: RuntimeBuildChoices = {
  buildType: 'release',
  buildArguments: [],
  isFresh: false,
  removeStages: false,
};

/**
 * Finds a Gramine runtime, or builds it if the configuration says so. Throws a {@link GscError}: `runtime` for a source that
 * is not a runtime, `not-found`, `config`, `build` and what opening an image throws.
 */
export async function openRuntime(images: Images, options: OpenRuntimeOptions = {}): Promise<Runtime> {
  return (await findRuntime(images, options)).open();
}

/** As {@link openRuntime}, without reading it yet. */
export async function findRuntime(images: Images, options: OpenRuntimeOptions = {}): Promise<FoundRuntime> {
  const { sources = [], version, app, build } = options;
  const workspace = workspaceOf(images);
  const { host } = workspace;
  const none: Configuration = { file: undefined, directory: host.workingDirectory, settings: new Map() };
  const order = runtimeSource(host, options.configuration ?? none, sources);
  const image = order.kind === 'build' && typeof app === 'function' ? await app() : app;
  const detect = async (family: Family) =>
    typeof image === 'object' ? detectDistribution(await rootOfImage(workspace, image), family) : undefined;
  return findOrderedRuntime(workspace, {
    order,
    version,
    building: { choices: { ...defaultBuild, ...build }, detect },
  });
}
