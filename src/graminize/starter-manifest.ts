import { type ImagePath, showBytes, textOfBytes } from '../base/image-path.ts';
import { showWhole } from '../manifest/merge.ts';
import type { PresetSetting } from '../manifest/preset/preset-table.ts';
import type { AppliedPreset } from '../manifest/preset/presets.ts';
import { limitNotes } from '../manifest/preset/program-limits.ts';
import { hasMountType, hasPassthrough } from '../manifest/schema/schema.ts';
import { showPath, type TomlValue } from '../manifest/toml/toml.ts';
import {
  familyName,
  type Release,
  type RuntimeVersion,
  showRelease,
  showVersion,
} from '../runtime/version.ts';
import type { ContainerProcess } from '../start/container-process.ts';

export interface StarterParts {
  /** How the comments call the image. */
  readonly appName: string;
  readonly start: ContainerProcess;
  readonly version: RuntimeVersion;
  readonly preset?: AppliedPreset;
  /** The image's VOLUMEs. */
  readonly volumes: readonly ImagePath[];
  /** Other places that programs may want to write to, with the reason. */
  readonly writePlaces?: readonly { readonly path: ImagePath; readonly reason: string }[];
}

/**
 * A first manifest: the preset's values with their reasons, and what else the user may have to decide as comments.
 * It is valid as it is, and holds nothing that gsc adds by itself.
 */
export function starterManifest(parts: StarterParts): string {
  return [
    ...heading(parts),
    ...settingLines(parts),
    ...mountLines(parts),
    ...environmentLines(parts),
    ...decisionLines(parts),
  ].join('\n');
}

function heading({ appName, start, version }: StarterParts): readonly string[] {
  const { uid, gid } = start.user;
  return [
    comment(`Manifest for ${appName}, for ${showVersion(version)}:`),
    '#',
    '#   gsc build IMAGE MANIFEST',
    '#',
    '# gsc adds what it finds in the image: program, arguments, environment, user, trusted files. What is set here takes precedence.',
    '#',
    comment(
      `Starts ${showBytes(start.executable.path)} as ${start.argv.map((word) => JSON.stringify(word)).join(' ')}`,
    ),
    comment(`in ${showBytes(start.workingDirectory.realPath)}, with uid ${uid} and gid ${gid}.`),
    ...limitNotes(start).map(comment),
    '',
  ];
}

const isArrayElement = ({ path }: PresetSetting) => path.join('.') === 'fs.mounts';
const isVariable = ({ path }: PresetSetting) => path[0] === 'loader' && path[1] === 'env';

function settingLines({ preset, version }: StarterParts): readonly string[] {
  if (preset === undefined) {
    return [
      `# No preset is known for this program. These are the defaults of ${familyName(version)}; remove the # to change them.`,
      '# The size is a power of two.',
      '# sgx.enclave_size = "256M"',
      '# Each process needs one for each of its threads and about three for the library OS.',
      '# sgx.max_threads = 4',
      '',
    ];
  }
  const settings = preset.settings.filter((setting) => !isArrayElement(setting) && !isVariable(setting));
  return [
    comment(`Preset ${preset.preset.name}: values that are known to run this program.`),
    ...settings.flatMap(({ path, value, reason }) => [comment(reason), line(showPath(path), value)]),
    ...preset.leftOut.map(({ path, reason }) =>
      comment(`${showRelease(version.release)} has no ${showPath(path)} (${reason}).`),
    ),
    ...(preset.preset.advice === undefined ? [] : [comment(preset.preset.advice)]),
    '',
  ];
}

function mountLines({ preset, version, volumes, writePlaces = [] }: StarterParts): readonly string[] {
  const { release } = version;
  const own = hasMountType(release, 'tmpfs') ? ' gsc makes /tmp, /var/tmp and /run a tmpfs by itself.' : '';
  const known = (preset?.settings ?? []).filter(isArrayElement);
  return [
    `# What the enclave does with places that are written to.${own}`,
    'fs.mounts = [',
    ...known.flatMap(({ value, reason }) => [
      `  ${comment(reason)}`,
      ...(Array.isArray(value) ? value : [value]).map((mount: TomlValue) => `  ${showWhole(mount)},`),
    ]),
    ...volumes.flatMap((path) => [
      `  ${comment(`VOLUME ${showBytes(path)}: one of these, or sgx.allowed_files below`)}`,
      ...mountChoices(path, release),
    ]),
    ...writePlaces
      .filter(({ path }) => textOfBytes(path) !== undefined && !volumes.includes(path))
      .flatMap(({ path, reason }) => [
        `  ${comment(`${showBytes(path)}: ${reason}`)}`,
        ...mountChoices(path, release).slice(0, 1),
      ]),
    ']',
    '',
  ];
}

/** In the enclave's memory and gone at its end, or encrypted on the host, as far as the release has it. */
function mountChoices(place: ImagePath, release: Release): readonly string[] {
  const path = textOf(place);
  const tmpfs = new Map<string, TomlValue>([
    ['type', 'tmpfs'],
    ['path', path],
  ]);
  const encrypted = new Map<string, TomlValue>([
    ['type', 'encrypted'],
    ['path', path],
    ['uri', `file:${path}`],
    ['key_name', 'default'],
  ]);
  return [tmpfs, encrypted]
    .filter((mount) => hasMountType(release, String(mount.get('type'))))
    .map((mount) => `  # ${showWhole(mount)},`);
}

function environmentLines({ preset, version }: StarterParts): readonly string[] {
  const known = (preset?.settings ?? []).filter(isVariable);
  const canPass = hasPassthrough(version.release);
  return [
    `# Variables besides the image's.${canPass ? ' The second form lets the host choose the value at each start.' : ''}`,
    ...known.flatMap(({ path, value, reason }) => [comment(reason), line(showPath(path), value)]),
    '# loader.env.NAME = "value"',
    ...(canPass ? ['# loader.env.NAME = { passthrough = true }'] : []),
    '',
  ];
}

function decisionLines({ volumes, version }: StarterParts): readonly string[] {
  const examples = volumes.length > 0 ? volumes.map(textOf) : ['/data'];
  return [
    '# Files that the host may read and change at any time: unprotected.',
    `# sgx.allowed_files = [${examples.map((path) => showWhole(`file:${path}`)).join(', ')}]`,
    '',
    '# Attestation; the host must have the software for it.',
    `# sgx.remote_attestation = ${version.family === 'gramine' ? '"dcap"' : 'true'}`,
    '',
    '# Lets debuggers into the enclave: never for real data.',
    '# sgx.debug = true',
    '',
  ];
}

/** Paths come from texts; the few that do not are left out before. */
function textOf(path: ImagePath): string {
  return textOfBytes(path) ?? showBytes(path);
}

function line(key: string, value: TomlValue): string {
  return `${key} = ${showWhole(value)}`;
}

/** One line of comment; TOML allows no control characters in it. */
function comment(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped here
  return `# ${text.replace(/[\u0000-\u001f\u007f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}`;
}
