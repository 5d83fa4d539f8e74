import { type ByteString, baseNameOf, bytesOfText, imagePath } from '../base/image-path.ts';
import type { RunConfig } from '../image/config.ts';
import type { Image } from '../image/image.ts';
import type { AddedFile } from '../layer/added-layer.ts';
import type { ManifestChoices } from '../manifest/option-manifest.ts';
import type { TomlDocument } from '../manifest/toml/toml.ts';
import type { ScanImageOptions } from '../scan/scan-options.ts';
import type { FileTree } from '../tree/file-tree.ts';
import type { TrustLevel } from '../trust/trust-level.ts';
import type { LibcWish } from './choose-libc.ts';
import type { GivenProfile } from './profiled-selection.ts';
import type { RaTlsChoice } from './ra-tls.ts';
import type { SecretBrokers } from './secret-provisioning.ts';

/** What the user decides about a build besides the runtime and the manifest. */
export interface BuildChoices extends ManifestChoices {
  /** Files to add to the image, which are trusted. */
  readonly files: readonly AddedFile[];
  /** The name of a preset; `auto` finds one by the program that starts. */
  readonly preset?: string;
  /** In place of the image's ENTRYPOINT; its CMD then goes too, as with `docker run --entrypoint`. */
  readonly entrypoint?: readonly string[];
  /** In place of the image's CMD. */
  readonly cmd?: readonly string[];
  /** Start by `gramine-ratls`, which makes a certificate for attestation. */
  readonly raTls?: RaTlsChoice;
  /** Fetch a secret before the program runs. */
  readonly secretBrokers?: SecretBrokers;
}

/** How an image is graminized; all of it has a default. */
export interface GraminizeOptions {
  /** The merged files of the app image, as `scanImage` gives them; by default they are scanned, as `scan` says. */
  readonly tree?: FileTree;
  readonly scan?: ScanImageOptions;
  /** The user's manifest, parsed and not yet checked. */
  readonly manifest?: TomlDocument;
  /** Let the arguments of `docker run` through to the application; by default not. */
  readonly insecureArguments?: boolean;
  /** `auto` by default. */
  readonly libc?: LibcWish;
  /** Patterns of paths, see `Glob`: to trust although they are left out by default, and to leave out. */
  readonly trust?: readonly ByteString[];
  readonly exclude?: readonly ByteString[];
  /** `full` by default. */
  readonly trustLevel?: TrustLevel;
  /** Trust what it names and what guard rules add to that, instead of a level. */
  readonly profile?: GivenProfile | undefined;
  readonly choices?: BuildChoices;
  /** The manifests of programs that the first one starts, each called as its program, where the runtime wants one for each. */
  readonly childManifests?: readonly TomlDocument[];
  /** For the build of one of several enclaves: its name, and the `.sig` files of those that it may start. */
  readonly enclaveName?: ByteString;
  readonly childSignatures?: readonly ByteString[];
  /** How messages call the result; by default the app image's name with `-unsigned`. */
  readonly name?: string;
  /** Seconds since 1970 for the result's times; by default the app image's creation. SOURCE_DATE_EPOCH. */
  readonly epochSeconds?: number;
  /** gsc's version, for a label; by default that of this build. */
  readonly toolVersion?: string;
  /** The app image's full name, for a label; images in files have none. */
  readonly baseName?: string;
}

/** The program that a child's manifest is for: that of `dir/ls.manifest` is `ls`. */
export function programName({ subject }: TomlDocument): string {
  const name = baseNameOf(imagePath(bytesOfText(subject)));
  const end = name.lastIndexOf('.manifest');
  return end > 0 ? name.slice(0, end) : name;
}

/** No choice: everything as the image has it. */
export const noChoices: BuildChoices = { volumes: [], secrets: [], environment: [], files: [] };

/**
 * The app image as it is to start: with the chosen ENTRYPOINT, CMD and variables in its configuration. An ENTRYPOINT of one empty
 * word is the same as none, as for Docker. Bytes and digests stay those of the app image.
 */
export function configuredApp(app: Image, choices: BuildChoices): Image {
  const run = app.config.config ?? {};
  const given = choices.entrypoint ?? run.Entrypoint ?? [];
  const Entrypoint = given.length === 1 && given[0] === '' ? [] : [...given];
  const kept = choices.entrypoint === undefined ? (run.Cmd ?? []) : [];
  const Cmd = choices.cmd === undefined ? kept : [...choices.cmd];
  const Env = environmentOf(run, choices);
  return { ...app, config: { ...app.config, config: { ...run, Entrypoint, Cmd, ...(Env && { Env }) } } };
}

/** As `docker run --env` has it: a variable of the image gets another value in its place. */
function environmentOf({ Env }: RunConfig, { environment }: BuildChoices): readonly string[] | undefined {
  const values = new Map(
    environment.flatMap((each) => (each.kind === 'value' ? [[each.name, each.value] as const] : [])),
  );
  if (values.size === 0) return Env ?? undefined;
  const kept = (Env ?? []).filter((entry) => !values.has(entry.split('=', 1)[0] ?? ''));
  return [...kept, ...[...values].map(([name, value]) => `${name}=${value}`)];
}
