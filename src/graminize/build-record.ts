import * as z from 'zod/mini';
import { type Digest, digestOf, hexOf, isDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { type ImagePath, imagePath, isWithin, parentOf } from '../base/image-path.ts';
import { canonicalJson } from '../json/canonical-json.ts';
import type { AddedFile } from '../layer/added-layer.ts';
import { serializeManifest } from '../manifest/toml/serialize.ts';
import type { TomlDocument } from '../manifest/toml/toml.ts';
import type { Profile } from '../profile/profile.ts';
import { type RuntimeFile, runtimeDigest } from '../runtime/runtime.ts';
import { trustLevels } from '../trust/trust-level.ts';
import { type BuildChoices, type GraminizeOptions, noChoices, programName } from './build-options.ts';

const hex = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value));
const path = z.custom<ImagePath>((value) => typeof value === 'string' && imagePath(value) === value);
const words = z.array(z.string());

const optionsSchema = z.object({
  insecureArguments: z.optional(z.boolean()),
  libc: z.optional(z.enum(['auto', 'runtime', 'image'])),
  trust: z.optional(words),
  exclude: z.optional(words),
  trustLevel: z.optional(z.enum(trustLevels)),
  volumes: z.optional(
    z.array(
      z.object({
        path,
        use: z.union([
          z.object({ kind: z.enum(['tmpfs', 'allowed']) }),
          z.object({ kind: z.literal('encrypted'), keyName: z.optional(z.string()) }),
        ]),
      }),
    ),
  ),
  secrets: z.optional(z.array(z.object({ name: z.string(), path }))),
  environment: z.optional(
    z.array(
      z.union([
        z.object({ kind: z.literal('value'), name: z.string(), value: z.string() }),
        z.object({ kind: z.literal('passthrough'), name: z.string() }),
      ]),
    ),
  ),
  hosts: z.optional(z.array(z.object({ name: z.string(), address: z.string() }))),
  files: z.optional(z.array(z.object({ path, mode: z.int(), sha256: hex }))),
  preset: z.optional(z.string()),
  entrypoint: z.optional(words),
  cmd: z.optional(words),
  raTls: z.optional(z.object({ certificate: path, key: path, format: z.optional(z.enum(['pem', 'der'])) })),
  secretBrokers: z.optional(z.object({ servers: words, authorities: z.optional(hex) })),
  epochSeconds: z.optional(z.int()),
  manifest: z.optional(hex),
  children: z.optional(z.array(z.object({ name: z.string(), manifest: hex }))),
  profile: z.optional(hex),
});

const schema = z.object({
  base: z.array(digest),
  config: digest,
  launch: z.record(path, hex),
  options: optionsSchema,
});

/** The options of a build that are not the default; of files that were given, SHA-256 in hex. */
export type RecordedOptions = z.output<typeof optionsSchema>;

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
    return schema.parse(JSON.parse(text));
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
