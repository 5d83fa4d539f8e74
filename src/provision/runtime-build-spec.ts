import { resolve } from 'node:path';
import { GscError } from '../base/error.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import { nearestName } from '../base/nearest-name.ts';
import { type Configuration, type Setting, settingOf } from '../config/configuration.ts';
import { parseImageName } from '../reference/image-name.ts';
import {
  type Distribution,
  defaultDistributions,
  distributionFor,
  distributionNames,
} from '../runtime/recipe/distribution.ts';
import type { BuildType, RuntimeBuildSpec } from '../runtime/recipe/recipe.ts';
import type { Family } from '../runtime/version.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { ProvideOptions } from './provide-runtime.ts';
import { readPatches } from './read-patches.ts';
import { type FoundSource, findSource, type WantedSource } from './source-revision.ts';
import { readSubprojects } from './subproject-files.ts';

/** How the user wants a runtime to be built. */
export interface RuntimeBuildChoices extends ProvideOptions {
  readonly buildType: BuildType;
  /** `NAME=VALUE`, or `NAME` for the value of this machine's variable. */
  readonly buildArguments: readonly string[];
}

export interface RuntimeBuildSpecInput {
  readonly family: Family;
  readonly configuration: Configuration;
  readonly choices: RuntimeBuildChoices;
  /** What the app image is, for `Distro: auto`; undefined where there is no app image. */
  readonly detect: ((family: Family) => Promise<string | undefined>) | undefined;
}

/** Where the sources are if the configuration does not say. */
const defaultSources: Readonly<Record<Family, { readonly repository: string; readonly branch: string }>> = {
  gramine: { repository: 'https://github.com/gramineproject/gramine.git', branch: 'v1.9' },
  graphene: { repository: 'https://github.com/gramineproject/graphene.git', branch: 'v1.2-rc1' },
};

const tables = { gramine: 'Gramine', graphene: 'Graphene' } as const;

/** Reads what configuration and options order of a build. Throws `config` errors with their place, `usage`, `not-found`. */
export async function readRuntimeBuildSpec(
  workspace: Workspace,
  input: RuntimeBuildSpecInput,
): Promise<RuntimeBuildSpec> {
  const { host, reporter } = workspace;
  const { family, configuration, choices } = input;
  const table = tables[family];
  const subprojects = settingOf(configuration, `${table}.Subprojects`);
  const distribution = await distributionOf(workspace, input);
  const source = await sourceOf(workspace, wantedSource(configuration, family));
  const driverRepository = settingOf(configuration, 'SGXDriver.Repository');
  const driver =
    driverRepository && (await sourceOf(workspace, wantedDriver(configuration, driverRepository)));
  const registry = settingOf(configuration, 'Registry');
  const mirror = settingOf(configuration, 'Mirror');
  const patches = family === 'gramine' ? await readPatches(configuration) : [];
  if (patches.length > 0)
    reporter.say(`patches of Gramine: ${patches.map(({ name }) => name).join(', ')} (Gramine.Patches)`);
  reporter.detail(
    `the runtime is built on ${distribution.image} from ${source.repository} at ${source.revision}`,
  );
  return {
    family,
    source,
    ...(driver && { driver }),
    distribution,
    ...(registry && { registry: checkRegistry(registry, distribution) }),
    ...(mirror && { mirror: checkMirror(mirror) }),
    buildType: choices.buildType,
    subprojects: subprojects
      ? await readSubprojects(resolve(configuration.directory, firstOf(subprojects)))
      : [],
    patches,
    buildArguments: readBuildArguments(host, choices.buildArguments),
  };
}

function wantedSource(configuration: Configuration, family: Family): WantedSource {
  const repository = settingOf(configuration, `${tables[family]}.Repository`);
  if (repository) return sourceOfSettings(configuration, tables[family], repository);
  const branch = settingOf(configuration, `${tables[family]}.Branch`);
  const byDefault = defaultSources[family];
  return {
    ...byDefault,
    ...(branch && { branch: firstOf(branch) }),
    place: branch?.place ?? `the default of ${tables[family]}.Repository`,
  };
}

function sourceOfSettings(
  configuration: Configuration,
  table: 'Gramine' | 'Graphene' | 'SGXDriver',
  repository: Setting,
): WantedSource {
  const branch = settingOf(configuration, `${table}.Branch`);
  return {
    repository: firstOf(repository),
    ...(branch && { branch: firstOf(branch) }),
    place: (branch ?? repository).place,
  };
}

/**
 * The Python tool's template has a command after the branch, which takes the driver out of Intel's DCAP repository: here
 * that happens by itself.
 */
function wantedDriver(configuration: Configuration, repository: Setting): WantedSource {
  const wanted = sourceOfSettings(configuration, 'SGXDriver', repository);
  const [, branch] = /^(\S+)\s*&&\s*cp -r driver\/linux\/\* \.$/.exec(wanted.branch ?? '') ?? [];
  return branch === undefined ? wanted : { ...wanted, branch };
}

async function sourceOf({ host, reporter }: Workspace, wanted: WantedSource): Promise<FoundSource> {
  const source = await findSource(host, wanted);
  if (source.obstacle !== undefined) {
    reporter.warn(
      `${wanted.place}: the commit of ${source.revision} cannot be looked up (${source.obstacle}): a runtime built earlier for this name is used, whatever it stands for now`,
    );
  }
  return source;
}

async function distributionOf(
  { reporter }: Workspace,
  { family, configuration, detect }: RuntimeBuildSpecInput,
): Promise<Distribution> {
  const setting = settingOf(configuration, 'Distro');
  const named = setting === undefined ? undefined : firstOf(setting);
  if (setting !== undefined && named !== undefined && named !== 'auto') {
    const distribution = distributionFor(family, named);
    if (distribution) return distribution;
    throw unknownDistribution(family, named, setting);
  }
  if (setting !== undefined && detect === undefined) {
    throw new GscError({
      code: 'config',
      subject: setting.place,
      message: 'Distro: auto means the distribution of the app image, and no app image is given',
      hint: `name one of ${distributionNames(family).join(', ')}`,
    });
  }
  const detected = await detect?.(family);
  const name = detected ?? defaultDistributions[family];
  if (detected === undefined) {
    const reason = detect ? `no runtime is built on the app image's distribution` : 'no Distro is configured';
    reporter.say(`${reason}: ${name} is used`);
  }
  const distribution = distributionFor(family, name);
  if (distribution === undefined) throw new Error(`${name} is not a distribution that gsc knows`);
  return distribution;
}

function unknownDistribution(family: Family, name: string, { place }: Setting): GscError {
  const names = distributionNames(family);
  const near = nearestName(name, names);
  return new GscError({
    code: 'config',
    subject: place,
    message: `Distro: ${tables[family]} is not built on ${name}`,
    hint: near === undefined ? `the distributions are ${names.join(', ')}` : `did you mean ${near}?`,
  });
}

/** What stands before the distribution's image must make a name with it. */
function checkRegistry(setting: Setting, { name }: Distribution): string {
  const text = firstOf(setting).replace(/\/+$/, '');
  try {
    parseImageName(`${text}/${name}`);
    return text;
  } catch (cause) {
    throw new GscError({
      code: 'config',
      subject: setting.place,
      message: `Registry: expected HOST[:PORT][/PREFIX], got ${JSON.stringify(firstOf(setting))}`,
      hint: 'write it as in registry.example.com/mirror',
      cause,
    });
  }
}

/** Text that goes into a `sed` expression and into lists of package sources. */
function checkMirror(setting: Setting): string {
  const text = firstOf(setting).replace(/\/+$/, '');
  if (/^[a-z]+:\/\/[^/]*@/i.test(text)) {
    throw new GscError({
      code: 'config',
      subject: setting.place,
      message: 'Mirror: the URL has a login, which layers of the build would keep',
      hint: 'name a mirror that needs no login',
    });
  }
  if (/^(?:https?|ftp|file):\/\/[\w.~:/@%+-]+$/.test(text)) return text;
  throw new GscError({
    code: 'config',
    subject: setting.place,
    message: `Mirror: expected the URL of a mirror of the distribution's packages, got ${JSON.stringify(text)}`,
    hint: 'write it without the path that the distribution adds, as in https://mirror.example.com',
  });
}

/** As `docker build` has it: a name alone means the value of this machine's variable, and nothing if there is none. */
function readBuildArguments(host: HostEnvironment, words: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? host.environment[word] : word.slice(equals + 1);
    if (name === '') {
      throw new GscError({
        code: 'usage',
        subject: '--build-arg',
        message: `expected NAME or NAME=VALUE, got ${JSON.stringify(word)}`,
        hint: 'write it as in --build-arg https_proxy=http://proxy.example.com:3128',
      });
    }
    if (value !== undefined) values.set(name, value);
  }
  return values;
}

function firstOf(setting: Setting): string {
  return setting.values[0] ?? '';
}
