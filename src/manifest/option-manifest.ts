import { GscError } from '../base/error.ts';
import { type ImagePath, imagePath, showBytes, textOfBytes } from '../base/image-path.ts';
import { placesOf } from '../base/place-index.ts';
import { type Release, type RuntimeVersion, showRelease } from '../runtime/version.ts';
import { readMount } from './files/mounts.ts';
import { type Override, pathLists, showWhole } from './merge.ts';
import { fileUriOfText, pathOfUri } from './schema/file-uri.ts';
import { hasMountType, hasPassthrough } from './schema/schema.ts';
import { isArray, isTable, type KeyPath, type TomlTable, type TomlValue, valueAt } from './toml/toml.ts';

/** What the enclave does with a place that holds data of the user. */
export type VolumeUse =
  /** In the enclave's memory, empty at the start of each process, gone at its end. */
  | { readonly kind: 'tmpfs' }
  /** On the host, encrypted with the key of this name; Gramine's own default is `default`. */
  | { readonly kind: 'encrypted'; readonly keyName?: string }
  /** On the host as it is: neither secret nor checked. */
  | { readonly kind: 'allowed' };

export interface Volume {
  readonly path: ImagePath;
  readonly use: VolumeUse;
}

/** A file that the engine puts into the container when it starts, for the application to read. */
export interface Secret {
  readonly name: string;
  readonly path: ImagePath;
}

/** A variable of the application: with a value of now, or with the one that the host has at the start. */
export type Variable =
  | { readonly kind: 'value'; readonly name: string; readonly value: string }
  | { readonly kind: 'passthrough'; readonly name: string };

/** One address of a host by one of its names. */
export interface HostAddress {
  readonly name: string;
  /** IPv4 or IPv6. */
  readonly address: string;
}

/** What the user decides about data and environment without writing a manifest. Paths are in UTF-8. */
export interface ManifestChoices {
  readonly volumes: readonly Volume[];
  readonly secrets: readonly Secret[];
  readonly environment: readonly Variable[];
  /** Hosts whose addresses the application finds in its `/etc/hosts`. */
  readonly hosts?: readonly HostAddress[];
}

/** Where Docker puts a secret unless told otherwise. Docker, "Manage sensitive data with Docker secrets". */
export function secretPath(name: string): ImagePath {
  return imagePath(`/run/secrets/${name}`);
}

/**
 * The choices as a manifest. `hiding` are the places that are tmpfs by default: what is let in from the host below one of
 * them needs its own mount on top.
 */
export function optionManifest(choices: ManifestChoices, hiding: readonly ImagePath[]): TomlTable {
  const { volumes, secrets } = choices;
  // Lists of paths with a value stand in for the image's, in its place among gsc's own parts: see `configuredApp`.
  const environment = choices.environment.filter(
    ({ kind, name }) => kind !== 'value' || !pathLists.has(name),
  );
  const hidden = placesOf(hiding);
  const allowed = [...volumes.filter(({ use }) => use.kind === 'allowed'), ...secrets];
  const mounts = [
    ...volumes.flatMap(ownStorage),
    ...allowed
      .filter(({ path }) => hidden.holds(path))
      .map(({ path }) => mount('chroot', path, [['uri', fileUriOfText(textOf(path))]])),
  ];
  return nested([
    [['loader', 'env'], new Map(environment.map((variable) => [variable.name, variableValue(variable)]))],
    [['fs', 'mounts'], mounts],
    [['sgx', 'allowed_files'], allowed.map(({ path }) => fileUriOfText(textOf(path)))],
  ]);
}

/** Throws a `usage` error for a choice that a release has no way to write. */
export function checkChoices({ volumes, environment }: ManifestChoices, { release }: RuntimeVersion): void {
  for (const { path, use } of volumes) {
    if (use.kind === 'allowed' || hasMountType(release, use.kind)) continue;
    const what = use.kind === 'tmpfs' ? 'storage in the memory of an enclave' : 'encrypted storage in mounts';
    throw unavailable(`--volume ${showBytes(path)}=${showUse(use)}`, what, {
      release,
      hint: `--volume ${showBytes(path)}=allowed leaves the place to the host, without protection`,
    });
  }
  const passed = environment.find(({ kind }) => kind === 'passthrough');
  if (passed === undefined || hasPassthrough(release)) return;
  throw unavailable(`--env ${passed.name}`, 'a way to let a single variable of the host in', {
    release,
    hint: `give its value, as in --env ${passed.name}=VALUE; loader.insecure__use_host_env in the manifest lets all in`,
  });
}

function unavailable(
  subject: string,
  what: string,
  { release, hint }: { readonly release: Release; readonly hint: string },
): GscError {
  return new GscError({
    code: 'usage',
    subject,
    message: `${showRelease(release)} does not have ${what}`,
    hint,
  });
}

/** The choices that the user's manifest leaves to the options, and those that it overrides. */
export interface SettledChoices {
  readonly choices: ManifestChoices;
  readonly overrides: readonly Override[];
}

/** Drops each volume and secret whose very path the user's manifest mounts or allows: the manifest wins. */
export function settleChoices(choices: ManifestChoices, user: TomlTable): SettledChoices {
  const overrides: Override[] = [];
  const isLeft = (path: ImagePath, own: string): boolean => {
    const found = decisionOn(user, path);
    if (found === undefined) return true;
    overrides.push({ path: found.path, user: showWhole(found.value), own });
    return false;
  };
  const volumes = choices.volumes.filter(({ path, use }) =>
    isLeft(path, `--volume ${showBytes(path)}=${showUse(use)}`),
  );
  const secrets = choices.secrets.filter(({ name, path }) => isLeft(path, `--secret ${name}`));
  return { choices: { ...choices, volumes, secrets }, overrides };
}

/** What the choices cost in protection, a sentence each. */
export function choiceRisks(choices: ManifestChoices): readonly string[] {
  const volumes = choices.volumes.filter(({ use }) => use.kind === 'allowed');
  return [
    ...volumes.map(
      ({ path }) =>
        `insecure: --volume ${showBytes(path)}=allowed: the host reads and changes everything there; =encrypted protects it`,
    ),
    ...choices.secrets.map(
      ({ name, path }) =>
        `insecure: --secret ${name}: the host reads ${showBytes(path)} and can change it; an encrypted volume whose key attestation provides keeps it secret`,
    ),
  ];
}

/** `tmpfs`, `encrypted:KEY`, `allowed`: as it is written after the `=` of `--volume`. */
export function showUse(use: VolumeUse): string {
  return use.kind === 'encrypted' && use.keyName !== undefined ? `encrypted:${use.keyName}` : use.kind;
}

function ownStorage({ path, use }: Volume): readonly TomlTable[] {
  switch (use.kind) {
    case 'tmpfs':
      return [mount('tmpfs', path, [])];
    case 'encrypted':
      return [
        mount('encrypted', path, [
          ['uri', fileUriOfText(textOf(path))],
          ...(use.keyName === undefined ? [] : ([['key_name', use.keyName]] as const)),
        ]),
      ];
    case 'allowed':
      return [];
  }
}

function mount(type: string, path: ImagePath, more: readonly (readonly [string, TomlValue])[]): TomlTable {
  return new Map<string, TomlValue>([['type', type], ['path', textOf(path)], ...more]);
}

function variableValue(variable: Variable): TomlValue {
  return variable.kind === 'value' ? variable.value : new Map([['passthrough', true]]);
}

interface Decision {
  readonly path: KeyPath;
  readonly value: TomlValue;
}

/** What a manifest itself says about this very path: a mount on it, or an entry of the allowed files. */
function decisionOn(manifest: TomlTable, path: ImagePath): Decision | undefined {
  const lists: readonly (readonly [KeyPath, (value: TomlValue) => ImagePath | undefined])[] = [
    [['fs', 'mounts'], (value) => readMount(value)?.at],
    [['sgx', 'allowed_files'], pathOfUri],
  ];
  for (const [where, pathOf] of lists) {
    const list = valueAt(manifest, where);
    for (const [index, value] of (isArray(list) ? list : []).entries()) {
      if (pathOf(value) === path) return { path: [...where, index], value };
    }
  }
  return undefined;
}

/** A manifest of these values, without those that are empty. */
function nested(values: readonly (readonly [readonly [string, string], TomlValue])[]): TomlTable {
  const root = new Map<string, Map<string, TomlValue>>();
  for (const [[table, key], value] of values) {
    if ((isArray(value) && value.length === 0) || (isTable(value) && value.size === 0)) continue;
    root.set(table, (root.get(table) ?? new Map<string, TomlValue>()).set(key, value));
  }
  return root;
}

/** Options come as text, so that their paths always are. */
function textOf(path: ImagePath): string {
  const text = textOfBytes(path);
  if (text === undefined) throw new RangeError(`not UTF-8: ${showBytes(path)}`);
  return text;
}
