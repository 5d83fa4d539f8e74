import { bytesOfText, type ImagePath, imagePath, isWithin } from './base/image-path.ts';
import { checkManifest } from './manifest/check.ts';
import { addDefaults } from './manifest/defaults.ts';
import { mergeManifests, type Override } from './manifest/merge.ts';
import { throwOnProblems } from './manifest/problem.ts';
import { checkRuntimeRules } from './manifest/runtime-rules.ts';
import {
  isArray,
  isTable,
  showPath,
  type TomlDocument,
  type TomlTable,
  type TomlValue,
  valueAt,
} from './manifest/toml.ts';
import { treeFiles } from './manifest/tree-files.ts';
import { expandTrustedFiles } from './manifest/trusted-files.ts';
import { findWritablePlaces, type LibcChoice, ownManifest, trustedEntries } from './own-manifest.ts';
import { type Runtime, runtimeFacts } from './runtime/runtime.ts';
import type { Start } from './scan/find-start.ts';
import type { TrustedFile, TrustedSelection } from './scan/trusted-files.ts';
import type { FileTree } from './tree/file-tree.ts';

export interface ComposeParts {
  /** How messages call the app image. */
  readonly appName: string;
  readonly tree: FileTree;
  readonly runtime: Runtime;
  /** The user's manifest, if there is one. */
  readonly user?: TomlDocument;
  readonly start: Start;
  readonly selection: TrustedSelection;
  readonly libc: LibcChoice;
  readonly insecureArguments: boolean;
}

export interface ComposedManifest {
  /** Complete: with defaults, trusted files and hashes, as it is measured. */
  readonly manifest: TomlTable;
  readonly overrides: readonly Override[];
  /** Trusted files that lie below a tmpfs or an encrypted mount, where nothing can reach them; not in the manifest. */
  readonly hidden: readonly TrustedFile[];
  /** Of the image's files that are in the manifest. */
  readonly trustedSizeBytes: number;
  readonly warnings: readonly string[];
}

/** The user's manifest merged over gsc's own, with the trusted files and the defaults of the runtime's release. */
export async function composeManifest(parts: ComposeParts): Promise<ComposedManifest> {
  const { runtime, selection, libc } = parts;
  const facts = runtimeFacts(runtime);
  const own = ownManifest({
    start: parts.start,
    runtime: facts,
    version: runtime.version,
    libc,
    insecureArguments: parts.insecureArguments,
    mounts: selection.mounts,
    writablePlaces: findWritablePlaces(parts.tree),
  });
  const { merged, overrides } = mergeManifests(await expandedUserManifest(parts), own);
  const isHidden = hiddenByMounts(merged);
  const reachable = selection.trusted.filter(({ path }) => !isHidden(path));
  const withFiles = addTrustedFiles(merged, trustedEntries(reachable, facts, libc));
  const { root, warnings } = addDefaults(withFiles, runtime.version);
  checkComplete(root, parts);
  return {
    manifest: root,
    overrides,
    hidden: selection.trusted.filter(({ path }) => isHidden(path)),
    trustedSizeBytes: reachable.reduce((sum, file) => sum + file.sizeBytes, 0),
    warnings,
  };
}

/** The user's manifest, checked, with its trusted files looked up in the image. */
async function expandedUserManifest({ user, tree, runtime, appName }: ComposeParts): Promise<TomlTable> {
  if (user === undefined) return new Map();
  if (valueAt(user.root, ['sgx', 'trusted_files']) === undefined) return user.root;
  return expandTrustedFiles(user.root, runtime.version, treeFiles(tree, appName), (path) => {
    const { line, column } = user.locate(path);
    return `${user.subject}:${line}:${column}: ${showPath(path)}`;
  });
}

/** True for paths that no program inside can reach on the host: below a tmpfs or an encrypted mount. */
function hiddenByMounts(manifest: TomlTable): (path: ImagePath) => boolean {
  const mounts = valueAt(manifest, ['fs', 'mounts']);
  const places = (isArray(mounts) ? mounts : []).flatMap((mount) => {
    if (!isTable(mount)) return [];
    const [type, path] = [mount.get('type'), mount.get('path')];
    const isOwnStorage = type === 'tmpfs' || type === 'encrypted';
    return isOwnStorage && typeof path === 'string' ? [imagePath(bytesOfText(path))] : [];
  });
  return (path) => places.some((place) => isWithin(path, place));
}

/** Appends entries to `sgx.trusted_files`; of equal URIs the user's entry stays. */
function addTrustedFiles(manifest: TomlTable, entries: readonly TomlTable[]): TomlTable {
  const sgx = valueAt(manifest, ['sgx']);
  const table: TomlTable = isTable(sgx) ? sgx : new Map<string, TomlValue>();
  const given = table.get('trusted_files');
  const users = isArray(given) ? given : [];
  const known = new Set(users.map((entry) => (isTable(entry) ? entry.get('uri') : entry)));
  const added = entries.filter((entry) => !known.has(entry.get('uri')));
  return new Map([...manifest, ['sgx', new Map([...table, ['trusted_files', [...users, ...added]]])]]);
}

/** The result must pass the check that Gramine's own tools make; positions are those of the user's text where they exist. */
function checkComplete(root: TomlTable, { user, runtime }: ComposeParts): void {
  const document: TomlDocument = {
    root,
    subject: user?.subject ?? 'the composed manifest',
    locate: (path) => user?.locate(path) ?? { line: 1, column: 1 },
  };
  throwOnProblems(document.subject, [
    ...checkManifest(document, runtime.version, 'complete'),
    ...checkRuntimeRules(document, runtime.version),
  ]);
}
