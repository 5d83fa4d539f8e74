import { graminizedPaths } from '../image/graminized-paths.ts';
import { appLoaderScript } from './apploader.ts';
import { grapheneLaunch, grapheneRunOptions } from './graphene-launch.ts';
import { harmfulHostVariables, hostEnvironment, launchArguments } from './launch.ts';
import type { AppLaunch, LaunchOrder } from './launch-order.ts';
import type { Runtime } from './runtime.ts';

/** Says how an image of a runtime starts. */
export function appLaunch(runtime: Runtime, order: LaunchOrder): AppLaunch {
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

/** Options of `docker run` that the drivers of a runtime's time need, for reports. */
export function runOptions(runtime: Runtime): readonly string[] {
  return runtime.version.family === 'graphene' ? grapheneRunOptions : [];
}
