import type { HostEnvironment } from '../base/host-environment.ts';
import { type Configuration, settingOf } from '../config/configuration.ts';
import type { Family } from '../runtime/version.ts';

/** Where the runtime shall come from. */
export type RuntimeSource =
  | {
      readonly kind: 'given';
      /** At least one; merged in their order. */
      readonly sources: readonly string[];
      /** What their paths are relative to. */
      readonly base: string;
    }
  /** Built from its sources, if the Engine does not have it yet. */
  | { readonly kind: 'build'; readonly family: Family; readonly configuration: Configuration }
  | { readonly kind: 'default'; readonly mirror: string | undefined };

/**
 * What options and configuration say together: `--runtime` takes precedence over `Gramine.Image`, that over a repository (as in
 * the Python tool), then come `Graphene.Image` and `Graphene.Repository`, and without any of them the default counts.
 */
export function runtimeSource(
  host: HostEnvironment,
  configuration: Configuration,
  options: readonly string[] = [],
): RuntimeSource {
  const given = options.filter((source) => source !== '');
  if (given.length > 0) return { kind: 'given', sources: given, base: host.workingDirectory };
  const image = settingOf(configuration, 'Gramine.Image');
  if (image) return { kind: 'given', sources: image.values, base: configuration.directory };
  if (settingOf(configuration, 'Gramine.Repository'))
    return { kind: 'build', family: 'gramine', configuration };
  const graphene = settingOf(configuration, 'Graphene.Image');
  if (graphene) return { kind: 'given', sources: graphene.values, base: configuration.directory };
  if (settingOf(configuration, 'Graphene.Repository'))
    return { kind: 'build', family: 'graphene', configuration };
  return { kind: 'default', mirror: settingOf(configuration, 'Gramine.Mirror')?.values[0] };
}
