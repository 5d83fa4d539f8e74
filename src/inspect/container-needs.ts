import { GscError } from '../base/error.ts';
import { type ImagePath, imagePath, isWithin, rootPath, showBytes } from '../base/image-path.ts';
import type { Image } from '../image/image.ts';
import { labels, stateOf } from '../image/labels.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import { allowedPaths } from '../manifest/files/allow-behind-mounts.ts';
import { listedMounts } from '../manifest/files/mounts.ts';
import { secretPath } from '../manifest/option-manifest.ts';
import { pathOfUri } from '../manifest/schema/file-uri.ts';
import { parseSignerSize } from '../manifest/schema/size.ts';
import { isTable, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { directWords, hostNeeds } from '../runtime/app-launch.ts';
import type { HostNeeds } from '../runtime/launch-order.ts';
import { labelledEnclaves } from '../runtime/places.ts';
import { labelledVersion, parseRuntimeVersion, type RuntimeVersion } from '../runtime/version.ts';
import type { SigstructDescription } from '../signature/describe-sigstruct.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { graminizedManifest } from './graminized-manifest.ts';
import { inspectImage } from './inspect-image.ts';

/** A place in the container that keeps data outside of the image: what is encrypted, or let in from the host as it is. */
export interface DataPlace {
  readonly path: ImagePath;
  readonly use: 'encrypted' | 'allowed';
}

/** A file that an engine or an orchestrator puts into the container. */
export interface SecretFile {
  /** As in `--secret NAME`. */
  readonly name: string;
  readonly path: ImagePath;
}

/** What a container of a graminized image needs, from its labels, its config and its manifest. */
export interface ContainerNeeds {
  readonly isSigned: boolean;
  readonly isStandIn: boolean;
  /** Of a signed image, in hex, as its SIGSTRUCT has them. */
  readonly mrEnclave: string | undefined;
  readonly mrSigner: string | undefined;
  readonly enclaveSizeBytes: bigint;
  /** What the runtime needs of the host. */
  readonly host: HostNeeds;
  /** True if the application may have quotes made. */
  readonly makesQuotes: boolean;
  /** True if AESM is asked, for quotes or for launch tokens. */
  readonly usesAesm: boolean;
  /** True if the arguments of the container reach the application. */
  readonly takesArguments: boolean;
  /** True if a script starts the loader and a variable chooses it; false if the entrypoint is the loader itself. */
  readonly hasShell: boolean;
  /** What starts the application without an enclave where no script does. */
  readonly directWords: readonly string[];
  /** Who runs in the container, and is seen by the application. */
  readonly userId: number;
  readonly groupId: number;
  /** Places to be mounted: everything encrypted, and what is allowed and not a file. Sorted. */
  readonly dataPlaces: readonly DataPlace[];
  readonly secrets: readonly SecretFile[];
  /** Names of the variables that the application takes from the container. */
  readonly passedVariables: readonly string[];
}

/**
 * Reads what a container of a graminized image needs; `tree` is that of all its layers. Throws a `state` error for an app image,
 * `manifest` and `sigstruct` for a manifest and a signature that cannot be read, and what reading the layers throws.
 */
export async function containerNeeds(image: Image, tree: FileTree): Promise<ContainerNeeds> {
  checkIsGraminized(image);
  if (stateOf(image.config.config?.Labels ?? {}) === 'signed') {
    const { manifest, sigstruct } = await inspectImage(image);
    return needsIn(image, manifest, { tree, sigstruct });
  }
  const { path, content } = await graminizedManifest(image);
  const { root } = CompleteManifest.parse(content, `${image.name}: ${path}`, versionOf(image));
  return needsIn(image, root, { tree });
}

/** What of an image was read besides its manifest. */
interface ReadParts {
  readonly tree: FileTree;
  readonly sigstruct?: Pick<SigstructDescription, 'mrEnclave' | 'mrSigner'> | undefined;
}

/** The same from a manifest that was read already. */
export function needsIn(image: Image, root: TomlTable, { tree, sigstruct }: ReadParts): ContainerNeeds {
  const { config } = image;
  const found = config.config?.Labels ?? {};
  const version = versionOf(image);
  const host = hostNeeds(version);
  const [files] = labelledEnclaves(found);
  // Until 1.4 a boolean.
  const makesQuotes = ![undefined, false, 'none'].includes(attestationIn(root));
  return {
    isStandIn: found[labels.standIn] === 'true',
    // Of the signature: a label can be written by whoever passes the image on.
    mrEnclave: sigstruct?.mrEnclave,
    mrSigner: sigstruct?.mrSigner,
    isSigned: stateOf(found) === 'signed',
    enclaveSizeBytes: parseSignerSize(textAt(root, 'sgx', 'enclave_size')) ?? 0n,
    host,
    makesQuotes,
    usesAesm: host.aesm.isAlwaysAsked || makesQuotes,
    takesArguments: valueAt(root, ['loader', 'insecure__use_cmdline_argv']) === true,
    hasShell: /\/apploader\.sh$/.test(config.config?.Entrypoint?.[1] ?? ''),
    directWords: directWords(version, files),
    userId: idIn(root, 'uid'),
    groupId: idIn(root, 'gid'),
    dataPlaces: dataPlacesIn(root, tree),
    secrets: secretsIn(root),
    passedVariables: passedVariablesIn(root),
  };
}

function dataPlacesIn(manifest: TomlTable, tree: FileTree): readonly DataPlace[] {
  const encrypted = listedMounts(manifest)
    .filter(({ type }) => type === 'encrypted')
    .flatMap(({ uri }) => pathOfUri(uri) ?? []);
  const allowed = allowedPaths(manifest).filter((path) => isDirectoryFor(path, tree));
  const uses = new Map<ImagePath, DataPlace['use']>([
    ...allowed.map((path) => [path, 'allowed'] as const),
    ...encrypted.map((path) => [path, 'encrypted'] as const),
  ]);
  return [...uses].map(([path, use]) => ({ path, use })).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Places of the host's kernel and of engines, which nothing is mounted at. */
const takenPlaces = ['/proc', '/sys', '/dev', '/run/secrets', '/etc', '/gramine', '/graphene'].map((path) =>
  imagePath(path),
);

/** What the image does not have may become either: a name with an extension is taken for a file. */
function isDirectoryFor(path: ImagePath, tree: FileTree): boolean {
  if (path === rootPath || takenPlaces.some((place) => isWithin(path, place))) return false;
  const found = resolvePath(tree, path);
  if (found.kind === 'found') return found.node.kind === 'directory';
  return !/\.[^./]+$/.test(path);
}

function idIn(manifest: TomlTable, key: 'uid' | 'gid'): number {
  return Number(valueAt(manifest, ['loader', key]) ?? 0);
}

/** What is allowed where engines put secrets. */
function secretsIn(manifest: TomlTable): readonly SecretFile[] {
  const directory = secretPath('');
  return [...new Set(allowedPaths(manifest))]
    .filter((path) => path !== directory && isWithin(path, directory))
    .sort()
    .map((path) => ({ name: showBytes(path).slice(directory.length + 1), path }));
}

function passedVariablesIn(manifest: TomlTable): readonly string[] {
  const variables = valueAt(manifest, ['loader', 'env']);
  if (!isTable(variables)) return [];
  return [...variables].flatMap(([name, value]) =>
    isTable(value) && value.get('passthrough') === true ? [name] : [],
  );
}

function attestationIn(manifest: TomlTable): string | boolean | undefined {
  const value = valueAt(manifest, ['sgx', 'remote_attestation']);
  return typeof value === 'boolean' || typeof value === 'string' ? value : undefined;
}

function textAt(manifest: TomlTable, ...path: readonly string[]): string {
  const value = valueAt(manifest, path);
  return typeof value === 'string' ? value : '';
}

/** Throws a `state` error for an app image, from its labels alone. */
export function checkIsGraminized(image: Image): void {
  if (stateOf(image.config.config?.Labels ?? {}) !== 'app') return;
  throw new GscError({
    code: 'state',
    subject: image.name,
    message: 'expected a graminized image, got an app image',
    hint: 'make one with gsc build --key',
  });
}

function versionOf({ config }: Image): RuntimeVersion {
  return labelledVersion(config.config?.Labels ?? {}) ?? parseRuntimeVersion('1.9');
}
