import { resolve } from 'node:path';
import type { Command } from 'commander';
import { GscError } from '../../base/error.ts';
import { bytesOfText, type ImagePath, imagePath } from '../../base/image-path.ts';
import { readUserFile } from '../../base/read-file.ts';
import { readConfiguration } from '../../config/read-configuration.ts';
import type { GraminizeOptions } from '../../graminize/build-options.ts';
import type { LibcWish } from '../../graminize/choose-libc.ts';
import type { GivenProfile } from '../../graminize/profiled-selection.ts';
import type { Image } from '../../image/image.ts';
import { parseToml, type TomlDocument } from '../../manifest/toml/toml.ts';
import { parseProfile } from '../../profile/profile-text.ts';
import { openRuntime } from '../../provision/open-runtime.ts';
import { rootOfImage } from '../../provision/runtime-root.ts';
import { runtimeSource } from '../../provision/runtime-source.ts';
import { detectDistribution } from '../../runtime/recipe/detect-distribution.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { Family, RuntimeVersion } from '../../runtime/version.ts';
import { type TrustLevel, trustLevels } from '../../trust/trust-level.ts';
import { addChoiceOptions, type ChoiceOptions, readChoices } from './build-choices.ts';
import { choiceOption } from './choice-option.ts';
import type { CommandContext } from './command-context.ts';
import { repeatable } from './repeatable.ts';
import {
  addRuntimeBuildOptions,
  type RuntimeBuildOptions,
  runtimeBuildChoices,
} from './runtime-build-options.ts';
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
      choiceOption(
        '--trust-level <level>',
        'trust all, or leave out what programs do not read',
        trustLevels,
      ).default('full'),
    )
    .option('--profile <file>', 'trust what gsc trace saw, and what guard rules add to that')
    .addOption(
      choiceOption('--libc <which>', 'the C library inside', ['auto', 'runtime', 'image']).default('auto'),
    );
  addChoiceOptions(command);
  return addRuntimeBuildOptions(command);
}

/** What the options say to graminizing. */
export interface ContentWishes {
  readonly runtime: Runtime;
  readonly options: GraminizeOptions;
}

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
  const { host } = context;
  const configuration = await readConfiguration(host, options.config);
  const manifest = manifestFile === undefined ? undefined : await readManifest(context, manifestFile);
  const choices = await readChoices(host, options);
  const profile = options.profile === undefined ? undefined : await readProfile(context, options.profile);
  const order = runtimeSource(host, configuration, options.runtime);
  const detect = async (family: Family) =>
    detectDistribution(await rootOfImage(context, await app()), family);
  const building = { choices: runtimeBuildChoices(options), detect };
  // A wrong name shall not be found after the minutes that a build takes.
  if (order.kind === 'build') await app();
  const runtime = await openRuntime(context, { order, version: options.runtimeVersion, building });
  return {
    runtime,
    options: {
      ...(manifest && { manifest }),
      choices,
      insecureArguments: options.insecureArgs === true,
      libc: options.libc,
      trust: (options.trust ?? []).map((path) => toImagePath('--trust', path)),
      exclude: (options.exclude ?? []).map((path) => toImagePath('--exclude', path)),
      trustLevel: options.trustLevel,
      ...(profile && { profile }),
    },
  };
}

async function readProfile({ host }: CommandContext, file: string): Promise<GivenProfile> {
  const content = await readUserFile(resolve(host.workingDirectory, file), 'profile');
  return { subject: file, profile: parseProfile(content, file) };
}

async function readManifest({ host }: CommandContext, file: string): Promise<TomlDocument> {
  return parseToml(await readUserFile(resolve(host.workingDirectory, file), 'manifest'), file);
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
