import * as v from 'valibot';
import { type Digest, digestOf, hexOf, isDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { type ImagePath, imagePath, isWithin, parentOf } from '../base/image-path.ts';
import { objectOf, recordOf } from '../base/object-schema.ts';
import { canonicalJson } from '../json/canonical-json.ts';
import type { AddedFile } from '../layer/added-layer.ts';
import { serializeManifest } from '../manifest/toml/serialize.ts';
import type { TomlDocument } from '../manifest/toml/toml.ts';
import type { Profile } from '../profile/profile.ts';
import { type RuntimeFile, runtimeDigest } from '../runtime/runtime.ts';
import { type TrustLevel, trustLevels } from '../trust/trust-level.ts';
import { type BuildChoices, type GraminizeOptions, noChoices, programName } from './build-options.ts';

const hex = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const digest = v.custom<Digest>((value) => typeof value === 'string' && isDigest(value));
const path = v.custom<ImagePath>((value) => typeof value === 'string' && imagePath(value) === value);
const words = v.array(v.string());

const optionsSchema: v.GenericSchema<unknown, RecordedOptions> = objectOf({
  insecureArguments: v.optional(v.boolean()),
  libc: v.optional(v.picklist(['auto', 'runtime', 'image'])),
  trust: v.optional(words),
  exclude: v.optional(words),
  trustLevel: v.optional(v.picklist(trustLevels)),
  volumes: v.optional(
    v.array(
      objectOf({
        path,
        use: v.union([
          objectOf({ kind: v.picklist(['tmpfs', 'allowed']) }),
          objectOf({ kind: v.literal('encrypted'), keyName: v.optional(v.string()) }),
        ]),
      }),
    ),
  ),
  secrets: v.optional(v.array(objectOf({ name: v.string(), path }))),
  environment: v.optional(
    v.array(
      v.union([
        objectOf({ kind: v.literal('value'), name: v.string(), value: v.string() }),
        objectOf({ kind: v.literal('passthrough'), name: v.string() }),
      ]),
    ),
  ),
  hosts: v.optional(v.array(objectOf({ name: v.string(), address: v.string() }))),
  files: v.optional(v.array(objectOf({ path, mode: v.pipe(v.number(), v.safeInteger()), sha256: hex }))),
  preset: v.optional(v.string()),
  entrypoint: v.optional(words),
  cmd: v.optional(words),
  raTls: v.optional(
    objectOf({ certificate: path, key: path, format: v.optional(v.picklist(['pem', 'der'])) }),
  ),
  secretBrokers: v.optional(objectOf({ servers: words, authorities: v.optional(hex) })),
  epochSeconds: v.optional(v.pipe(v.number(), v.safeInteger())),
  manifest: v.optional(hex),
  children: v.optional(v.array(objectOf({ name: v.string(), manifest: hex }))),
  profile: v.optional(hex),
});

const schema = objectOf({
  base: v.array(digest),
  config: digest,
  launch: recordOf(path, hex),
  options: optionsSchema,
});

type Optional<Values> = { readonly [Name in keyof Values]?: Values[Name] | undefined };

/** The options of a build that are not the default; of files that were given, SHA-256 in hex. */
export type RecordedOptions = Optional<{
  insecureArguments: boolean;
  libc: NonNullable<GraminizeOptions['libc']>;
  trust: readonly string[];
  exclude: readonly string[];
  trustLevel: TrustLevel;
  volumes: readonly {
    readonly path: ImagePath;
    readonly use:
      | { readonly kind: 'tmpfs' | 'allowed' }
      | { readonly kind: 'encrypted'; readonly keyName?: string | undefined };
  }[];
  secrets: readonly { readonly name: string; readonly path: ImagePath }[];
  environment: readonly (
    | { readonly kind: 'value'; readonly name: string; readonly value: string }
    | { readonly kind: 'passthrough'; readonly name: string }
  )[];
  hosts: readonly { readonly name: string; readonly address: string }[];
  files: readonly { readonly path: ImagePath; readonly mode: number; readonly sha256: string }[];
  preset: string;
  entrypoint: readonly string[];
  cmd: readonly string[];
  raTls: Optional<{ format: 'pem' | 'der' }> & { readonly certificate: ImagePath; readonly key: ImagePath };
  secretBrokers: { readonly servers: readonly string[]; readonly authorities?: string | undefined };
  epochSeconds: number;
  manifest: string;
  children: readonly { readonly name: string; readonly manifest: string }[];
  profile: string;
}>;

/** What a build notes of itself in the label `gsc.build`: enough to check the image, and to build it again. */
export interface BuildRecord {
  /** The diffIds of the app image's layers, lowest first. */
  readonly base: readonly Digest[];
  /** `runConfigDigest` of the unsigned image. */
  readonly config: Digest;
  /**
   * SHA-256 in hex of each file of gsc's that starts the enclave, and that the manifest says nothing of; of a directory of the
   * runtime's host part, its {@link launchDigest}.
   */
  readonly launch: Readonly<Record<ImagePath, string>>;
  readonly options: RecordedOptions;
}

/** A file as its place in a digest of several needs it. */
type DigestedFile = Pick<RuntimeFile, 'path' | 'mode' | 'sha256'>;

/**
 * SHA-256 in hex by path, of few lines: files that lie below directories of the host directory, which are many where a runtime
 * brings its Python, are one directory with its {@link launchDigest}.
 */
export function foldDirectories(
  files: readonly DigestedFile[],
  hostDirectory: ImagePath,
): Readonly<Record<ImagePath, string>> {
  const folds = files.map((file) => ({ file, directory: foldOf(file.path, hostDirectory) }));
  const directories = new Set(folds.flatMap(({ directory }) => directory ?? []));
  return Object.fromEntries([
    ...folds.flatMap(({ file, directory }) =>
      directory === undefined ? [[file.path, file.sha256] as const] : [],
    ),
    ...[...directories].map((wanted) => {
      const below = folds.filter(({ directory }) => directory === wanted);
      return [wanted, launchDigest(below.map(({ file }) => file))] as const;
    }),
  ]);
}

function foldOf(path: ImagePath, hostDirectory: ImagePath): ImagePath | undefined {
  if (!isWithin(path, hostDirectory) || parentOf(path) === hostDirectory) return undefined;
  return imagePath(path.slice(0, path.indexOf('/', hostDirectory.length + 1)));
}

/** What stands for the files below a directory: paths, modes and contents, as in the digest of a runtime; in hex. */
export function launchDigest(files: readonly DigestedFile[]): string {
  return hexOf(runtimeDigest({ files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)) }));
}

/** The text of the label: canonical JSON. */
export function writeBuildRecord(record: BuildRecord): string {
  return canonicalJson(record).toString('utf8');
}

/** Reads the label. Throws an `image` error for what gsc does not write. */
export function readBuildRecord(text: string, subject: string): BuildRecord {
  try {
    const { launch, ...rest } = v.parse(schema, JSON.parse(text));
    // No value of a record is undefined: what is in the way of the type are the keys.
    return { ...rest, launch: launch as BuildRecord['launch'] };
  } catch (cause) {
    throw new GscError({
      code: 'image',
      subject,
      message: 'expected the record that gsc build writes, as JSON',
      hint: 'the label was changed, or another version of gsc wrote it',
      cause,
    });
  }
}

/** The record's form of the options of a build. */
export function recordedOptions(options: GraminizeOptions): RecordedOptions {
  const { choices = noChoices, trust = [], exclude = [], libc = 'auto', trustLevel = 'full' } = options;
  const { volumes, secrets, environment, hosts = [], files, ...start } = choices;
  const { preset, entrypoint, cmd, raTls, secretBrokers, ...others } = start;
  // A choice that is not recorded would be one that no rebuild makes.
  others satisfies Readonly<Record<string, never>>;
  return {
    ...(options.insecureArguments === true && { insecureArguments: true }),
    ...(libc !== 'auto' && { libc }),
    ...listed('trust', trust),
    ...listed('exclude', exclude),
    ...(trustLevel !== 'full' && { trustLevel }),
    ...listed('volumes', volumes),
    ...listed('secrets', secrets),
    ...listed('environment', environment),
    ...listed('hosts', hosts),
    ...listed('files', files.map(recordedFile)),
    ...(preset !== undefined && { preset }),
    ...(entrypoint !== undefined && { entrypoint: [...entrypoint] }),
    ...(cmd !== undefined && { cmd: [...cmd] }),
    ...(raTls && { raTls }),
    ...(secretBrokers && { secretBrokers: recordedBrokers(secretBrokers) }),
    ...(options.epochSeconds !== undefined && { epochSeconds: options.epochSeconds }),
    ...(options.manifest && { manifest: manifestHash(options.manifest) }),
    ...listed('children', (options.childManifests ?? []).map(recordedChild)),
    ...(options.profile && { profile: profileHash(options.profile.profile) }),
  };
}

/** What a record cannot hold, and a rebuild has to be given. */
export interface GivenAgain {
  readonly manifest?: TomlDocument;
  readonly childManifests?: readonly TomlDocument[];
  readonly profile?: GraminizeOptions['profile'];
  /** The content of a recorded file, by its SHA-256. */
  readonly contentOf: (sha256: string) => Buffer;
}

/** The options of the build that wrote a record. Throws what `contentOf` throws. */
export function optionsOfRecord(recorded: RecordedOptions, given: GivenAgain): GraminizeOptions {
  const { epochSeconds, libc, trust, exclude, trustLevel } = recorded;
  const { manifest, childManifests = [], profile } = given;
  return {
    insecureArguments: recorded.insecureArguments === true,
    ...(libc && { libc }),
    ...(trust && { trust }),
    ...(exclude && { exclude }),
    ...(trustLevel && { trustLevel }),
    ...(epochSeconds !== undefined && { epochSeconds }),
    ...(manifest && { manifest }),
    ...(childManifests.length > 0 && { childManifests }),
    ...(profile && { profile }),
    choices: choicesOfRecord(recorded, given),
  };
}

function choicesOfRecord(recorded: RecordedOptions, { contentOf }: GivenAgain): BuildChoices {
  const { volumes = [], secrets = [], environment = [], hosts = [], files = [] } = recorded;
  const { preset, entrypoint, cmd, raTls, secretBrokers } = recorded;
  const { servers, authorities } = secretBrokers ?? {};
  return {
    ...{ volumes: volumes as BuildChoices['volumes'], secrets, environment, hosts },
    files: files.map(({ path: at, mode, sha256 }) => ({ path: at, mode, content: contentOf(sha256) })),
    ...(preset !== undefined && { preset }),
    ...(entrypoint && { entrypoint }),
    ...(cmd && { cmd }),
    ...(raTls && { raTls: raTls as NonNullable<BuildChoices['raTls']> }),
    ...(servers && {
      secretBrokers: { servers, ...(authorities !== undefined && { authorities: contentOf(authorities) }) },
    }),
  };
}

function recordedBrokers({ servers, authorities }: NonNullable<BuildChoices['secretBrokers']>) {
  return {
    servers: [...servers],
    ...(authorities && { authorities: hexOf(digestOf(authorities)) }),
  };
}

/** SHA-256 of a user's manifest by its values: comments and layout do not count. */
export function manifestHash({ root }: TomlDocument): string {
  return hexOf(digestOf(serializeManifest(root)));
}

/** SHA-256 of what of a profile decides: its patterns, in order, each once. */
export function profileHash({ entries }: Profile): string {
  const patterns = [...new Set(entries.map(({ pattern }) => pattern))].sort();
  return hexOf(digestOf(canonicalJson(patterns)));
}

/** A child's program is named by the file of its manifest. */
function recordedChild(document: TomlDocument) {
  return { name: programName(document), manifest: manifestHash(document) };
}

function recordedFile({ path: at, mode, content }: AddedFile) {
  return { path: at, mode, sha256: hexOf(digestOf(content)) };
}

function listed<Key extends string, Item>(key: Key, items: readonly Item[]) {
  return items.length > 0 ? ({ [key]: [...items] } as { readonly [K in Key]: Item[] }) : {};
}
