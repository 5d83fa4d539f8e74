import { resolve } from 'node:path';
import { writeFileAtomically } from '../../base/atomic-file.ts';
import { configTemplate } from '../../config/config-template.ts';
import { defaultRuntimeImage } from '../../config/default-runtime-image.ts';
import { defaultFiles } from '../../config/read-configuration.ts';
import { type SettingRow, settingTable } from '../../config/setting-table.ts';
import { type Configuration, readConfiguration } from '../../index.ts';
import { withoutLogin } from '../../provision/repository-login.ts';
import { defaultPatches } from '../../runtime/recipe/patches/known-patches.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { repeatable } from '../options/repeatable.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions {
  readonly config?: string;
  readonly runtime?: readonly string[];
  /** True without a name. */
  readonly init?: string | true;
}

export const addConfig: AddCommand = (program, act) => {
  program
    .command('config')
    .summary('show the configuration, or write a first one')
    .description('Shows every setting, its value, and where that comes from.')
    .option('-c, --config <file>', 'the configuration; default config.yaml or config.json, if present')
    .option('--runtime <ref>', 'as given to gsc build (repeatable)', repeatable)
    .option('--init [file]', 'write a commented configuration; default config.yaml, which must not exist yet')
    .action(act(config));
};

async function config(context: CommandContext, options: Options): Promise<number> {
  if (options.init !== undefined) return init(context, options.init === true ? 'config.yaml' : options.init);
  const configuration = await readConfiguration(context.host, options.config);
  const settings = settingTable.map((row) => effective(row, configuration, options.runtime ?? []));
  if (context.isJson) context.console.result(`${JSON.stringify(toJson(configuration, settings))}\n`);
  else print(context, configuration, settings);
  return exitCodes.done;
}

async function init({ host, console, isJson }: CommandContext, file: string): Promise<number> {
  await writeFileAtomically(resolve(host.workingDirectory, file), configTemplate(), { existing: 'refuse' });
  console.result(isJson ? `${JSON.stringify({ file })}\n` : `${file}\n`);
  return exitCodes.done;
}

/** A setting as it counts. */
interface Effective {
  readonly name: string;
  readonly values: readonly string[];
  readonly origin:
    | { readonly kind: 'file'; readonly file: string; readonly line: number; readonly column: number }
    | { readonly kind: 'option'; readonly option: string }
    | { readonly kind: 'default' };
  /** Why it does not count. */
  readonly unused?: string;
}

function effective(row: SettingRow, configuration: Configuration, runtimes: readonly string[]): Effective {
  const { name } = row;
  if (name === 'Gramine.Image' && runtimes.length > 0) {
    return { name, values: runtimes, origin: { kind: 'option', option: '--runtime' } };
  }
  const setting = configuration.settings.get(name);
  if (setting === undefined || configuration.file === undefined) {
    return { name, values: defaultOf(name, configuration), origin: { kind: 'default' } };
  }
  const { values, line, column } = setting;
  const unused = outranked(row, configuration, runtimes);
  const origin = { kind: 'file', file: configuration.file, line, column } as const;
  return { name, values: values.map(withoutLogin), origin, ...(unused !== undefined && { unused }) };
}

/** The rest has no value unless it is set. */
function defaultOf(name: string, { settings }: Configuration): readonly string[] {
  if (name === 'Distro') return ['auto'];
  if (name === 'Gramine.Patches') return defaultPatches.map((patch) => patch.name);
  const orders = ['Gramine.Repository', 'Graphene.Image', 'Graphene.Repository'];
  const isDefault = name === 'Gramine.Image' && !orders.some((order) => settings.has(order));
  return isDefault ? [defaultRuntimeImage] : [];
}

/** An option or a built runtime goes before every other source of one; without sources nothing is built. */
function outranked(
  { name, isForBuilds }: SettingRow,
  { settings }: Configuration,
  runtimes: readonly string[],
): string | undefined {
  if (name === 'Gramine.Image') return undefined;
  if (runtimes.length > 0) return '--runtime takes precedence';
  if (settings.has('Gramine.Image')) return 'Gramine.Image takes precedence';
  const isBuilt = settings.has('Gramine.Repository') || settings.has('Graphene.Repository');
  if (isForBuilds && !isBuilt)
    return 'gsc build builds no runtime without a Repository; gsc build-gramine does';
  return undefined;
}

function print({ console }: CommandContext, { file }: Configuration, settings: readonly Effective[]): void {
  const nameWidth = Math.max(...settings.map(({ name }) => name.length));
  for (const { name, values, origin, unused } of settings) {
    const isSet = values.length > 0 || origin.kind !== 'default';
    const value = values.length > 0 ? values.join(', ') : isSet ? '[]' : '-';
    const from = isSet ? showOrigin(origin) : 'not set';
    console.result(
      `${name.padEnd(nameWidth)}  ${value}  (${from}${unused ? `; not used: ${unused}` : ''})\n`,
    );
  }
  console.say(
    file === undefined
      ? `no configuration: none of ${defaultFiles.join(', ')} exists here`
      : `configuration: ${file}`,
  );
}

function showOrigin(origin: Effective['origin']): string {
  switch (origin.kind) {
    case 'file':
      return `${origin.file}:${origin.line}`;
    case 'option':
      return origin.option;
    case 'default':
      return 'default';
  }
}

function toJson({ file }: Configuration, settings: readonly Effective[]): unknown {
  const entries = settings.map(({ name, values, origin, unused }) => [
    name,
    { values, origin, ...(unused !== undefined && { unused }) },
  ]);
  return { file: file ?? null, settings: Object.fromEntries(entries) };
}
