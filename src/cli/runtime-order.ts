import { GscError } from '../base/error.ts';
import type { Configuration } from './config/configuration.ts';
import { settingOf } from './config/configuration.ts';
import type { World } from './console.ts';

/** Where the runtime shall come from. */
export type RuntimeOrder =
  | {
      readonly kind: 'given';
      /** At least one; merged in their order. */
      readonly sources: readonly string[];
      /** What their paths count from. */
      readonly base: string;
    }
  | { readonly kind: 'default'; readonly mirror: string | undefined };

/**
 * What options and configuration say together: `--runtime` goes before `Gramine.Image`, that before a repository (as in
 * the Python tool), and without any of them the default counts. Throws a `config` error, with its place, for a
 * configuration that asks for a runtime built from source: this version does not build any.
 */
export function runtimeOrder(
  world: World,
  configuration: Configuration,
  options: readonly string[] = [],
): RuntimeOrder {
  const given = options.filter((source) => source !== '');
  if (given.length > 0) return { kind: 'given', sources: given, base: world.workingDirectory };
  const image = settingOf(configuration, 'Gramine.Image');
  if (image) return { kind: 'given', sources: image.values, base: configuration.directory };
  for (const name of ['Gramine.Repository', 'Graphene.Image', 'Graphene.Repository'] as const) {
    const setting = settingOf(configuration, name);
    if (setting) throw notBuilt(name, setting.values.join(', '), setting.place);
  }
  return { kind: 'default', mirror: settingOf(configuration, 'Gramine.Mirror')?.values[0] };
}

function notBuilt(name: string, value: string, place: string): GscError {
  const isGramine = name.startsWith('Gramine');
  return new GscError({
    code: 'config',
    subject: place,
    message: isGramine
      ? `${name}: this version of gsc does not build Gramine from source (${value})`
      : `${name}: Graphene runtimes are not supported yet (${value})`,
    hint: isGramine
      ? 'give a built one with --runtime or as Gramine.Image; without Gramine.Repository the default image is taken'
      : 'give a Gramine runtime with --runtime or as Gramine.Image',
  });
}
