import { resolve } from 'node:path';
import type { Command } from 'commander';
import { GscError } from '../../base/error.ts';
import { bytesOfText, type ImagePath, imagePath } from '../../base/image-path.ts';
import { readUserFile } from '../../base/read-file.ts';
import {
  type GivenProfile,
  type GraminizeOptions,
  type Image,
  type LibcWish,
  type RuntimeVersion,
  readConfiguration,
  type TrustLevel,
} from '../../index.ts';
import { findRuntime } from '../../library/open-runtime.ts';
import { trustLevels } from '../../parts.ts';
import type { FoundRuntime } from '../../provision/open-runtime.ts';
import { parseManifest, parseProfile } from '../../tools.ts';
import type { CommandLineHost } from '../terminal/console.ts';
import { addChoiceOptions, type ChoiceOptions, readChoices } from './build-choices.ts';
import { choiceOption } from './choice-option.ts';
import type { CommandContext } from './command-context.ts';
import { repeatable } from './repeatable.ts';
import {
  addRuntimeBuildOptions,
  checkFirstOptions,
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
    .option('-c, --config <file>', 'the configuration; default config.yaml or config.json, if present')
    .option('--runtime <ref>', 'the runtime: an image, a directory, a package (repeatable)', repeatable)
    .addOption(runtimeVersionOption())
    .option('--insecure-args', 'pass the arguments of docker run on to the application')
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
export type ContentWishes = Omit<GraminizeOptions, 'tree' | 'name' | 'baseName' | 'epochSeconds'>;

/** What the options say, with the files read that they name. */
export interface Content {
  readonly wishes: ContentWishes;
  /** The same as a plain value, for recognising a build: files are in it with their content. */
  readonly inputs: unknown;
  /** Finds or builds the runtime, whose distribution may be the app image's; it is not read yet. */
  findRuntime(app: Image | (() => Promise<Image>)): Promise<FoundRuntime>;
}

/** Reads what the options name: configuration, manifest, files to add. */
export async function readContentOptions(
  { host, images }: CommandContext,
  options: ContentOptions,
  manifestFile: string | undefined,
  childFiles: readonly string[] = [],
): Promise<Content> {
  const configuration = await readConfiguration(host, options.config);
  checkFirstOptions(options, { configuration, command: 'build' });
  const files = manifestFile === undefined ? [] : [manifestFile, ...childFiles];
  const manifests = await Promise.all(files.map((file) => readManifest(host, file)));
  const [manifest, ...childManifests] = manifests.map(({ file, bytes }) => parseManifest(bytes, file));
  const choices = await readChoices(host, options);
  const profile = options.profile === undefined ? undefined : await readProfile(host, options.profile);
  const { runtime: sources, runtimeVersion: version } = options;
  const wishes = {
    choices,
    insecureArguments: options.insecureArgs === true,
    libc: options.libc,
    trust: (options.trust ?? []).map((path) => toImagePath('--trust', path)),
    exclude: (options.exclude ?? []).map((path) => toImagePath('--exclude', path)),
    trustLevel: options.trustLevel,
    ...(profile && { profile }),
  };
  return {
    wishes: {
      ...wishes,
      ...(manifest && { manifest }),
      ...(childManifests.length > 0 && { childManifests }),
    },
    inputs: { ...wishes, manifests },
    findRuntime: (app) =>
      findRuntime(images, {
        ...{ configuration, app, build: runtimeBuildChoices(options) },
        ...(sources && { sources }),
        ...(version && { version }),
      }),
  };
}

interface ManifestFile {
  /** As the user names it: messages do so too, and a child's program is called so. */
  readonly file: string;
  readonly bytes: Buffer;
}

async function readManifest(host: CommandLineHost, file: string): Promise<ManifestFile> {
  return { file, bytes: await readUserFile(resolve(host.workingDirectory, file), 'manifest') };
}

async function readProfile(host: CommandLineHost, file: string): Promise<GivenProfile> {
  const content = await readUserFile(resolve(host.workingDirectory, file), 'profile');
  return { subject: file, profile: parseProfile(content, file) };
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
      message: 'expected a path in the image, got an empty string',
      hint: 'write / for the root',
    });
  }
  return imagePath(bytesOfText(text));
}
