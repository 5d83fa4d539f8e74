import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { GscError } from '../base/error.ts';
import { bytesOfText, type ImagePath, imagePath } from '../base/image-path.ts';
import { readUserFile } from '../base/read-file.ts';
import type { LibcWish } from '../choose-libc.ts';
import type { GraminizeOptions } from '../graminize.ts';
import type { Image } from '../image/image.ts';
import { parseToml, type TomlDocument } from '../manifest/toml.ts';
import { parseProfile } from '../profile/profile-text.ts';
import type { GivenProfile } from '../profiled-selection.ts';
import { detectDistribution } from '../runtime/recipe/detect-distribution.ts';
import type { Family } from '../runtime/recipe/recipe.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { type TrustLevel, trustLevels } from '../scan/trust-level.ts';
import { addChoiceOptions, type ChoiceOptions, readChoices } from './build-choices.ts';
import { readConfiguration } from './config/read-configuration.ts';
import type { CommandContext } from './program.ts';
import { repeatable } from './repeatable.ts';
import { addRuntimeBuildOptions, type RuntimeBuildOptions } from './runtime-build/runtime-build-options.ts';
import { runtimeOrder } from './runtime-order.ts';
import { rootOfImage } from './runtime-root.ts';
import { openRuntime } from './runtime-source.ts';
import { runtimeVersionOption } from './runtime-version-option.ts';

/** The options that {@link addContentOptions} adds, as commander gives them. */
export interface ContentOptions extends ChoiceOptions, RuntimeBuildOptions {
  readonly config?: string;
  readonly runtime?: readonly string[];
  readonly runtimeVersion?: RuntimeVersion;
  readonly insecureArgs?: boolean;
  readonly trust?: readonly string[];
  readonly exclude?: readonly string[];
  readonly trustLevel: TrustLevel;
  readonly profile?: string;
  readonly libc: LibcWish;
}

/** The options that decide what is in a graminized image: of `build`, and of what says beforehand what it would do. */
export function addContentOptions(command: Command): Command {
  command
    .option('-c, --config <file>', 'the configuration; default config.yaml or config.json, if there')
    .option(
      '--runtime <ref>',
      'the Gramine runtime: an image, a directory, a package (repeatable)',
      repeatable,
    )
    .addOption(runtimeVersionOption())
    .option('--insecure-args', 'let the arguments of docker run through')
    .option('--trust <path>', 'trust a path or pattern that is left out by default (repeatable)', repeatable)
    .option('--exclude <path>', 'leave out a path or pattern (repeatable)', repeatable)
    .addOption(
      new Option('--trust-level <level>', 'trust all, or leave out what programs do not read')
        .choices(trustLevels)
        .default('full'),
    )
    .option('--profile <file>', 'trust what gsc trace saw, and what guard rules add to that')
    .addOption(
      new Option('--libc <which>', 'the C library inside')
        .choices(['auto', 'runtime', 'image'])
        .default('auto'),
    );
  addChoiceOptions(command);
  return addRuntimeBuildOptions(command);
}

/** What the options say to graminizing. */
export type ContentWishes = Omit<
  GraminizeOptions,
  'tree' | 'name' | 'baseName' | 'epochSeconds' | 'toolVersion'
>;

/** What the options are about. */
export interface ContentSubject {
  readonly manifestFile: string | undefined;
  /** Opens the app image: its distribution may decide on the runtime's. */
  readonly app: () => Promise<Image>;
}

/** Reads what the options name: configuration, manifest, runtime, files to add. */
export async function readContentOptions(
  context: CommandContext,
  options: ContentOptions,
  { manifestFile, app }: ContentSubject,
): Promise<ContentWishes> {
  const { world } = context;
  const configuration = await readConfiguration(world, options.config);
  const manifest = manifestFile === undefined ? undefined : await readManifest(context, manifestFile);
  const choices = await readChoices(world, options);
  const profile = options.profile === undefined ? undefined : await readProfile(context, options.profile);
  const order = runtimeOrder(world, configuration, options.runtime);
  const detect = async (family: Family) =>
    detectDistribution(await rootOfImage(context, await app()), family);
  const building = { options, detect };
  // A wrong name shall not be found after the minutes that a build takes.
  if (order.kind === 'build') await app();
  const runtime = await openRuntime(context, { order, version: options.runtimeVersion, building });
  return {
    runtime,
    ...(manifest && { manifest }),
    choices,
    insecureArguments: options.insecureArgs === true,
    libc: options.libc,
    trust: (options.trust ?? []).map((path) => toImagePath('--trust', path)),
    exclude: (options.exclude ?? []).map((path) => toImagePath('--exclude', path)),
    trustLevel: options.trustLevel,
    ...(profile && { profile }),
  };
}

async function readProfile({ world }: CommandContext, file: string): Promise<GivenProfile> {
  const content = await readUserFile(resolve(world.workingDirectory, file), 'profile');
  return { subject: file, profile: parseProfile(content, file) };
}

async function readManifest({ world }: CommandContext, file: string): Promise<TomlDocument> {
  return parseToml(await readUserFile(resolve(world.workingDirectory, file), 'manifest'), file);
}

/**
 * Also of a pattern: cleaning it does not change what it means. Throws a `usage` error for an empty one, which would be
 * the root: it is what a variable that is not set leaves.
 */
export function toImagePath(option: string, text: string): ImagePath {
  if (text === '') {
    throw new GscError({
      code: 'usage',
      subject: option,
      message: 'expected a path in the image, got an empty word',
      hint: 'write / for the root',
    });
  }
  return imagePath(bytesOfText(text));
}
