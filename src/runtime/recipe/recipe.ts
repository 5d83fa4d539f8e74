import { type Digest, digestOf } from '../../base/digest.ts';
import type { Family } from '../version.ts';
import type { Distribution } from './distribution.ts';
import type { SourcePatch } from './patches/source-patch.ts';

export const buildTypes = ['release', 'debug', 'debugoptimized'] as const;
export type BuildType = (typeof buildTypes)[number];

/** Name and password, or token, for a repository. */
export interface SourceLogin {
  readonly username: string;
  readonly password: string;
}

/** A revision of a repository. */
export interface Source {
  /** As `git clone` takes it, without a login. */
  readonly repository: string;
  /** What is checked out: a commit, where it is known. */
  readonly revision: string;
  /** The branch or tag that the user named, if the revision is what it stands for. */
  readonly name?: string;
  /** The revision is a name whose commit could not be asked for. */
  readonly isUnresolved?: boolean;
  readonly login?: SourceLogin;
}

/** A file of a build's context. */
export interface RecipeFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
}

/** A file that the build may read while it runs, and that no layer keeps. */
export interface SecretWish {
  /** As the Dockerfile names it. */
  readonly id: string;
  /** Where the machine that builds has it: the first file, by name, that fits. */
  readonly directory: string;
  readonly file: RegExp;
}

/** What the configuration and the options order. */
export interface RuntimeBuildSpec {
  readonly family: Family;
  readonly source: Source;
  /** The SGX driver whose headers count; without it the kernel's own. */
  readonly driver?: Source;
  readonly distribution: Distribution;
  /** Put before the distribution's name: `HOST[:PORT][/PREFIX]`. */
  readonly registry?: string;
  /** A URL, without a slash at its end, in place of the hosts of all package sources. */
  readonly mirror?: string;
  readonly buildType: BuildType;
  /** What the sources' build would download, in `subprojects/`. */
  readonly subprojects: readonly RecipeFile[];
  /** What is changed in Gramine's sources before they are built, in this order; nothing by default. */
  readonly patches?: readonly SourcePatch[];
  readonly buildArguments: ReadonlyMap<string, string>;
}

/** The image that a build starts from. */
export function baseImage({ registry, distribution }: RuntimeBuildSpec): string {
  return registry === undefined ? distribution.image : `${registry}/${distribution.name}`;
}

/** The order with the names that the user gave in place of the commits that they stood for. */
export function namedSpec(order: RuntimeBuildSpec): RuntimeBuildSpec {
  return { ...order, source: named(order.source), ...(order.driver && { driver: named(order.driver) }) };
}

function named({ repository, revision, name, login }: Source): Source {
  return { repository, revision: name ?? revision, ...(login && { login }) };
}

/** True if the names in an order could not be resolved, so that the order is its own {@link namedSpec}. */
export function isUnresolved({ source, driver }: RuntimeBuildSpec): boolean {
  const sources = driver ? [source, driver] : [source];
  return sources.some((each) => each.isUnresolved) && sources.every((each) => each.name === undefined);
}

/** Steps of one family: what happens between installing packages and collecting the result. */
export interface SourceSteps {
  readonly instructions: readonly string[];
  /** Where the script that collects looks. */
  readonly installed: string;
}

/** How a runtime is made: all that decides what comes out. */
export interface Recipe {
  readonly family: Family;
  /** Of the context, `Dockerfile` among them, sorted by path. */
  readonly files: readonly RecipeFile[];
  readonly buildArguments: ReadonlyMap<string, string>;
  readonly secrets: readonly SecretWish[];
  /** Further secrets, by their id: the logins that `git` gets for the repositories. */
  readonly logins: ReadonlyMap<string, Buffer>;
}

/** Arguments that say how the network is reached, not what is built. Dockerfile reference, "Predefined ARGs". */
const proxyNames = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'all_proxy'];

/** True for build arguments that every Dockerfile knows without an `ARG`. */
export function isPredefinedArgument(name: string): boolean {
  return proxyNames.some((proxy) => name === proxy || name === proxy.toUpperCase());
}

/**
 * SHA-256 over path, mode (octal) and SHA-256 of every file, and over every build argument that is not a proxy; sorted, each
 * part ended by a NUL. The same recipe makes the same runtime, as far as the distribution's packages stay the same.
 */
export function recipeDigest({ family, files, buildArguments }: Recipe): Digest {
  const fileLines = files.map(
    ({ path, mode, content }) => `${path}\0${mode.toString(8)}\0${digestOf(content)}\0`,
  );
  const argumentLines = [...buildArguments]
    .filter(([name]) => !isPredefinedArgument(name))
    .map(([name, value]) => `${name}=${value}\0`)
    .sort();
  return digestOf(Buffer.from([`${family}\0`, ...fileLines, ...argumentLines].join('')));
}
