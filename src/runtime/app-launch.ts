import { graminizedPaths } from '../image/graminized-paths.ts';
import { appLoaderScript } from './apploader.ts';
import { grapheneDirectWords, grapheneHostNeeds, grapheneLaunch } from './graphene-launch.ts';
import { gramineHostNeeds, harmfulHostVariables, hostEnvironment, launchArguments } from './launch.ts';
import type { AppLaunch, HostNeeds, LaunchedRuntime, LaunchOrder } from './launch-order.ts';
import type { EnclaveFiles } from './places.ts';
import type { RuntimeVersion } from './version.ts';

/** Says how an image of a runtime starts. */
export function appLaunch(runtime: LaunchedRuntime, order: LaunchOrder): AppLaunch {
  return runtime.version.family === 'graphene' ? grapheneLaunch(runtime, order) : gramineLaunch(order);
}

function gramineLaunch({ hasShell, passesArguments }: LaunchOrder): AppLaunch {
  if (!hasShell) {
    return { entrypoint: launchArguments('sgx'), environment: hostEnvironment, files: [], notes: [] };
  }
  const text = appLoaderScript({ commandLineArguments: passesArguments ? 'passed' : 'ignored' });
  return {
    entrypoint: ['/bin/sh', graminizedPaths.appLoader],
    environment: {},
    files: [{ path: graminizedPaths.appLoader, mode: 0o755, content: Buffer.from(text) }],
    notes: [],
  };
}

/** Variables that must not reach what starts by {@link AppLaunch.environment}, beside those that it sets. */
export const droppedVariables: readonly string[] = harmfulHostVariables;

/** What images with a runtime of this version need of a host. */
export function hostNeeds({ family }: Pick<RuntimeVersion, 'family'>): HostNeeds {
  return family === 'graphene' ? grapheneHostNeeds : gramineHostNeeds;
}

/** The command line that starts the application without an enclave where no script does, without the application's own arguments. */
export function directWords(version: RuntimeVersion, files: EnclaveFiles): readonly string[] {
  return version.family === 'graphene' ? grapheneDirectWords(version, files) : launchArguments('direct');
}
