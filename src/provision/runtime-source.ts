import { GscError } from '../base/error.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import { type Configuration, type Setting, settingOf } from '../config/configuration.ts';
import type { Family } from '../runtime/version.ts';
import { withoutLogin } from './repository-login.ts';

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
 * the Python tool), and without any of them the default counts. Throws a `config` error, with its place, for a
 * configuration that asks for a runtime of Graphene: images are not graminized with it yet.
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
  for (const name of ['Graphene.Image', 'Graphene.Repository'] as const) {
    const setting = settingOf(configuration, name);
    if (setting) throw noGraphene(name, setting);
  }
  return { kind: 'default', mirror: settingOf(configuration, 'Gramine.Mirror')?.values[0] };
}

function noGraphene(name: string, { values, place }: Setting): GscError {
  return new GscError({
    code: 'config',
    subject: place,
    message: `${name}: images are not graminized with Graphene yet (${values.map(withoutLogin).join(', ')})`,
    hint: 'give a Gramine runtime with --runtime or as Gramine.Image; gsc build-gramine builds one of Graphene',
  });
}
