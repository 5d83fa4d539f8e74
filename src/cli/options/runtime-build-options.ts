import type { Command } from 'commander';
import type { BuildType, RuntimeBuildChoices } from '../../index.ts';
import { buildTypes } from '../../runtime/recipe/recipe.ts';
import { choiceOption } from './choice-option.ts';
import { repeatable } from './repeatable.ts';

/** The options that {@link addRuntimeBuildOptions} adds, as commander gives them. */
export interface RuntimeBuildOptions {
  readonly buildtype: BuildType;
  readonly rm?: boolean;
  readonly buildArg?: readonly string[];
  readonly network?: string;
  /** False with `--no-cache`: build again. */
  readonly cache?: boolean;
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

/** What the options say. */
export function runtimeBuildChoices(options: RuntimeBuildOptions): RuntimeBuildChoices {
  return {
    buildType: options.buildtype,
    buildArguments: options.buildArg ?? [],
    isFresh: options.cache === false,
    ...(options.network !== undefined && { network: options.network }),
    removeStages: options.rm === true,
  };
}
