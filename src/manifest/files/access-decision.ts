import { type ByteString, bytesOfText, type ImagePath, imagePath } from '../../base/image-path.ts';
import { PlaceIndex } from '../../base/place-index.ts';
import { emulatedPlaceOf } from '../../start/emulated-places.ts';
import { select } from '../schema/runtime-values.ts';
import { isArray, isTable, type TomlTable, valueAt } from '../toml/toml.ts';
import { type Mount, mountOf, readMounts } from './mounts.ts';

/** What Gramine does when a program inside opens a name, if there is a file. */
export type FileAccessDecision =
  | (OnHost & { readonly kind: 'trusted'; readonly sha256: string })
  /** Read and written unchecked, by an entry of `sgx.allowed_files`; `sha256` if it is also listed as trusted, without effect. */
  | (OnHost & { readonly kind: 'allowed'; readonly entry: string; readonly sha256?: string })
  /** Not listed, and let through with a line in the log: `sgx.file_check_policy = "allow_all_but_log"`. */
  | (OnHost & { readonly kind: 'unchecked' })
  /** EACCES. */
  | (OnHost & { readonly kind: 'refused' })
  /** Storage of the enclave's own: `tmpfs`, `encrypted`, `untrusted_shm`. */
  | { readonly kind: 'storage'; readonly mount: Mount }
  /** Gramine's own `/proc`, `/dev` and `/sys`, or a file that it generates. */
  | { readonly kind: 'emulated'; readonly place: ImagePath };

interface OnHost {
  /** The name on the host: mounts replaced, links not followed. A relative one is relative to the loader's directory. */
  readonly hostPath: ByteString;
  readonly mount: Mount;
}

/** What a manifest says about names. */
export interface ManifestNames {
  /** The root first. */
  readonly mounts: readonly Mount[];
  /** SHA-256 by cleaned path. */
  readonly trusted: ReadonlyMap<ByteString, string>;
  /** The entries with their order, by cleaned path. */
  readonly allowed: PlaceIndex<AllowedEntry>;
  readonly allowsUnlisted: boolean;
  /** Files that a program creates are allowed, wherever they are: Graphene until v1.1, `sgx.allow_file_creation`. */
  readonly allowsCreation: boolean;
  readonly generated: readonly ImagePath[];
}

/** LibOS, `mount_etcfs`: the only file that it generates; mounted last. */
const resolverConfig = imagePath('/etc/resolv.conf');

/** Reads what decides about names out of a complete manifest. */
export function readManifestNames(manifest: TomlTable): ManifestNames {
  const generates = valueAt(manifest, ['sys', 'enable_extra_runtime_domain_names_conf']) === true;
  return {
    mounts: readMounts(manifest),
    trusted: readTrusted(manifest),
    allowed: readAllowed(manifest),
    allowsUnlisted: valueAt(manifest, ['sgx', 'file_check_policy']) === 'allow_all_but_log',
    allowsCreation: valueAt(manifest, ['sgx', 'allow_file_creation']) === true,
    generated: generates ? [resolverConfig] : [],
  };
}

/**
 * What Gramine does with a name. Names are compared as text, once the last mount that covers them has replaced their
 * beginning; an allowed entry stands for itself and all below it and wins over a trusted one (LibOS, `setup_inode_data`;
 * before 1.8 the PAL's list, which holds the allowed files first).
 */
export function decideAccess(names: ManifestNames, path: ImagePath): FileAccessDecision {
  const generated = names.generated.find((place) => place === path);
  if (generated !== undefined) return { kind: 'emulated', place: generated };
  const mount = mountOf(path, names.mounts);
  // Gramine mounts them after the root and before the manifest's mounts: LibOS, `init_mount`.
  const pseudo = emulatedPlaceOf(path);
  if (pseudo !== undefined && (mount === undefined || mount.at === '/'))
    return { kind: 'emulated', place: pseudo };
  if (mount === undefined) return { kind: 'refused', hostPath: path, mount: defaultRoot };
  if (mount.type !== 'chroot') return { kind: 'storage', mount };
  return treatOnHost(names, { hostPath: hostPathOf(mount, path), mount });
}

/** What Gramine does with a file of the host that it reads by itself, before there are mounts, as `loader.argv_src_file`. */
export function decideFileUri(
  names: ManifestNames,
  uri: string,
): Extract<FileAccessDecision, { readonly hostPath: ByteString }> {
  return treatOnHost(names, { hostPath: pathOfUri(uri), mount: defaultRoot });
}

/** Gramine's own default for `fs.root`. */
const defaultRoot: Mount = { type: 'chroot', at: imagePath('/'), shows: undefined, uri: 'file:.' };

function treatOnHost(
  names: ManifestNames,
  onHost: OnHost,
): Extract<FileAccessDecision, { readonly hostPath: ByteString }> {
  const sha256 = names.trusted.get(onHost.hostPath);
  const allowed = names.allowed.above(onHost.hostPath).reduce<AllowedEntry | undefined>(first, undefined);
  if (allowed) return { kind: 'allowed', ...onHost, entry: allowed.entry, ...(sha256 && { sha256 }) };
  if (sha256 !== undefined) return { kind: 'trusted', ...onHost, sha256 };
  return { kind: names.allowsUnlisted ? 'unchecked' : 'refused', ...onHost };
}

/** Of equal entries the first one counts. */
function readAllowed(manifest: TomlTable): PlaceIndex<AllowedEntry> {
  const entries = [...select(manifest, 'sgx.allowed_files.*')].flatMap(([, uri], order) =>
    typeof uri === 'string' ? [[pathOfUri(uri), { entry: uri, order }] as const] : [],
  );
  return new PlaceIndex(entries.reverse());
}

function hostPathOf(mount: Mount, path: ImagePath): ByteString {
  const below = mount.at === '/' ? path : path.slice(mount.at.length);
  return cleanPath(`${pathOfUri(mount.uri ?? 'file:.') || '.'}/${below}`);
}

function readTrusted(manifest: TomlTable): ReadonlyMap<ByteString, string> {
  const trusted = new Map<ByteString, string>();
  const listed = valueAt(manifest, ['sgx', 'trusted_files']);
  for (const entry of isArray(listed) || isTable(listed) ? listed.values() : []) {
    if (!isTable(entry)) continue;
    const [uri, sha256] = [entry.get('uri'), entry.get('sha256')];
    if (typeof uri === 'string' && typeof sha256 === 'string') trusted.set(pathOfUri(uri), sha256);
  }
  return trusted;
}

/** The path of a `file:` or `dev:` URI, cleaned as Gramine does. */
function pathOfUri(uri: string): ByteString {
  return cleanPath(bytesOfText(uri.slice(uri.indexOf(':') + 1)));
}

/** Textual; a relative path stays one. */
function cleanPath(path: ByteString): ByteString {
  if (path.startsWith('/')) return imagePath(path);
  const kept: ByteString[] = [];
  for (const part of path.split('/')) {
    if (part === '..' && kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return kept.join('/');
}

/** An entry of `sgx.allowed_files`; of those that hold a name the first one counts. */
interface AllowedEntry {
  readonly entry: string;
  readonly order: number;
}

function first(one: AllowedEntry | undefined, other: AllowedEntry): AllowedEntry {
  return one === undefined || other.order < one.order ? other : one;
}
