import { GscError } from '../../base/error.ts';
import { baseNameOf } from '../../base/image-path.ts';
import type { RuntimeVersion } from '../../runtime/version.ts';
import type { ContainerProcess } from '../../start/container-process.ts';
import { checkManifest } from '../schema/check.ts';
import {
  isArray,
  isTable,
  type KeyPath,
  type TomlDocument,
  type TomlTable,
  type TomlValue,
  valueAt,
} from '../toml/toml.ts';
import { detectPreset } from './detect-preset.ts';
import { type Preset, type PresetSetting, presets } from './preset-table.ts';

/** What `--preset` can be. */
export const presetNames: readonly string[] = ['auto', ...presets.map(({ name }) => name)];

/**
 * The preset that the user chose, by name or as `auto`, for the release; what the user's manifest says about EDMM counts.
 * Undefined if none is chosen or none fits. Throws a `usage` error for an unknown name.
 */
export function presetFor(
  name: string | undefined,
  start: ContainerProcess,
  { user, version, setsArguments = false }: PresetCircumstances,
): AppliedPreset | undefined {
  if (name === undefined) return undefined;
  const preset = name === 'auto' ? detectPreset(start) : presets.find((each) => each.name === name);
  if (preset) {
    const hasEdmm = user !== undefined && valueAt(user.root, ['sgx', 'edmm_enable']) === true;
    const argument = setsArguments ? argumentSetting(preset, start) : [];
    const extended = { ...preset, settings: [...preset.settings, ...argument] };
    return applyPreset(extended, { version, hasEdmm });
  }
  if (name === 'auto') return undefined;
  throw new GscError({
    code: 'usage',
    subject: 'preset',
    message: `expected one of ${presetNames.join(', ')}, got ${JSON.stringify(name)}`,
  });
}

export interface PresetCircumstances {
  /** The user's manifest, if there is one. */
  readonly user: TomlDocument | undefined;
  readonly version: RuntimeVersion;
  /** True if gsc writes the arguments into the manifest, so that the preset can add to them; false by default. */
  readonly setsArguments?: boolean;
}

/** Only where the program itself is started: what a script makes of further words is not known. */
function argumentSetting(
  { argument, programs }: Preset,
  { argv, chain }: ContainerProcess,
): readonly PresetSetting[] {
  const [program = '', ...words] = argv;
  const [step, ...others] = chain.steps;
  const isDirect =
    step !== undefined && others.length === 0 && programs?.test(baseNameOf(step.path)) === true;
  if (argument === undefined || !isDirect || words.some((word) => word.includes(argument.names))) return [];
  const { value, reason } = argument;
  return [{ path: ['loader', 'argv'], value: [program, value, ...words], reason }];
}

export interface AppliedPreset {
  readonly preset: Preset;
  /** The settings as a manifest. */
  readonly manifest: TomlTable;
  readonly settings: readonly PresetSetting[];
  /** Keys that the release does not have. */
  readonly leftOut: readonly PresetSetting[];
}

/** With EDMM the enclave grows at run time. Gramine's own examples then use these. */
const edmmSettings: readonly PresetSetting[] = [
  { path: ['sgx', 'max_threads'], value: 1n, reason: 'with EDMM, threads are added when they are needed' },
  {
    path: ['sgx', 'use_exinfo'],
    value: true,
    reason:
      'with EDMM, system calls may touch memory that is not there yet; the library OS then needs the address',
  },
];

/** A preset for one release. With EDMM, memory is added at run time, so that threads and page faults need other values. */
export function applyPreset(
  preset: Preset,
  { version, hasEdmm }: { readonly version: RuntimeVersion; readonly hasEdmm: boolean },
): AppliedPreset {
  const replaced = hasEdmm ? edmmSettings : [];
  const isReplaced = ({ path }: PresetSetting) => replaced.some((other) => other.path.join() === path.join());
  const isMeant = ({ path }: PresetSetting) => !hasEdmm || path.join('.') !== 'sgx.preheat_enclave';
  const all = [...preset.settings.filter((setting) => !isReplaced(setting) && isMeant(setting)), ...replaced];
  const settings = all.filter((setting) => isKnown(setting, version));
  return {
    preset,
    manifest: manifestOf(settings),
    settings,
    leftOut: all.filter((setting) => !settings.includes(setting)),
  };
}

function isKnown({ path, value }: PresetSetting, version: RuntimeVersion): boolean {
  const document = { subject: 'preset', root: manifestOf([{ path, value, reason: '' }]), locate };
  return checkManifest(document, version, 'user').length === 0;
}

const locate = () => ({ line: 1, column: 1 });

/** Settings as the nested tables of a manifest; those with the path of an array are its elements. */
function manifestOf(settings: readonly PresetSetting[]): TomlTable {
  return settings.reduce<TomlTable>((root, { path, value }) => withValue(root, path, value), new Map());
}

function withValue(table: TomlTable, path: KeyPath, value: TomlValue): TomlTable {
  const [first, ...rest] = path;
  const key = String(first);
  const given = table.get(key);
  if (rest.length === 0) {
    const joined = isArray(value) && isArray(given) ? [...given, ...value] : value;
    return new Map([...table, [key, joined]]);
  }
  const below = isTable(given) ? given : new Map<string, TomlValue>();
  return new Map<string, TomlValue>([...table, [key, withValue(below, rest, value)]]);
}
