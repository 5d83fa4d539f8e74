import { type Command, Option } from 'commander';
import { GscError } from '../../base/error.ts';
import type { BuildType, Configuration, RuntimeBuildChoices } from '../../index.ts';
import { buildTypes } from '../../runtime/recipe/recipe.ts';
import { choiceOption } from './choice-option.ts';
import { hintForForeignOption } from './foreign-options.ts';
import { repeatable } from './repeatable.ts';

/** The options that {@link addRuntimeBuildOptions} adds, as commander gives them. */
export interface RuntimeBuildOptions {
  readonly buildtype: BuildType;
  readonly rm?: boolean;
  readonly buildArg?: readonly string[];
  readonly network?: string;
  /** False with `--no-cache`: build again. */
  readonly cache?: boolean;
  /** Of the first GSC: see {@link checkFirstOptions}. `--debug` is another option. */
  readonly d?: boolean;
  readonly linux?: boolean;
  readonly graphene?: boolean;
}

/** The options that decide how a runtime is built from its sources. */
export function addRuntimeBuildOptions(command: Command): Command {
  return command
    .addOption(
      choiceOption('-b, --buildtype <type>', 'of a runtime that is built from source', buildTypes).default(
        'release',
      ),
    )
    .option('--rm', 'remove the images of earlier build stages once the runtime is built')
    .option('--build-arg <name[=value]>', "set an argument of the runtime's build (repeatable)", repeatable)
    .option('--network <mode>', "network of the runtime's build, as in docker build: host, none, …");
}

/** Options of the first GSC, for the commands that it had; see {@link checkFirstOptions}. */
export function addFirstOptions(command: Command): Command {
  return command
    .addOption(new Option('-d', 'with Graphene: the same as --buildtype debug').hideHelp())
    .addOption(new Option('-L, --linux', 'with Graphene: the PAL for Linux as well, as always').hideHelp());
}

/**
 * The options of the first GSC count where the configuration is one of its kind, with a section `Graphene`. Throws a `usage` error
 * elsewhere: `-d` is a habit of docker run.
 */
export function checkFirstOptions(
  { d: debug, linux, graphene }: RuntimeBuildOptions,
  { configuration, command }: { readonly configuration: Configuration; readonly command: string },
): void {
  const used = [debug && '-d', linux && '-L', graphene && '-G'].find((option) => option);
  const isGraphenes = [...configuration.settings.keys()].some((name) => name.startsWith('Graphene.'));
  if (!used || isGraphenes) return;
  const hint = hintForForeignOption(used, command);
  throw new GscError({
    code: 'usage',
    subject: used,
    message: `unknown option '${used}': it is of the first GSC, and counts where the configuration has a section Graphene`,
    ...(hint !== undefined && { hint }),
  });
}

/** What the options say. */
export function runtimeBuildChoices(options: RuntimeBuildOptions): RuntimeBuildChoices {
  return {
    buildType: options.d ? 'debug' : options.buildtype,
    buildArguments: options.buildArg ?? [],
    isFresh: options.cache === false,
    ...(options.network !== undefined && { network: options.network }),
    removeStages: options.rm === true,
  };
}
