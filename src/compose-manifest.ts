import { bytesOfText, type ImagePath, imagePath } from './base/image-path.ts';
import { placesOf } from './base/place-index.ts';
import { checkStart } from './check-start.ts';
import { findKeptPlaces, type KeptPlace, keptPlaceNotes } from './kept-places.ts';
import { allowBehindMounts, allowedPaths } from './manifest/allow-behind-mounts.ts';
import { checkManifest } from './manifest/check.ts';
import { addDefaults } from './manifest/defaults.ts';
import { mergeManifests, type Override } from './manifest/merge.ts';
import { type ManifestChoices, optionManifest, settleChoices } from './manifest/option-manifest.ts';
import type { AppliedPreset } from './manifest/presets.ts';
import { throwOnProblems } from './manifest/problem.ts';
import { reachThroughMounts, readMounts } from './manifest/reachable-files.ts';
import { checkRuntimeRules } from './manifest/runtime-rules.ts';
import { select } from './manifest/runtime-values.ts';
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
import { sourceFiles } from './source-files.ts';
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
  readonly argumentSource: 'own' | 'host' | 'user';
  readonly choices: ManifestChoices;
  readonly preset?: AppliedPreset;
}

/** A value that won over another one. */
export interface SourcedOverride extends Override {
  /** Where the value that counts comes from, in words: `your manifest`. */
  readonly from: string;
}

export interface ComposedManifest {
  /** Complete: with defaults, trusted files and hashes, as it is measured. */
  readonly manifest: TomlTable;
  /** The user's manifest wins over the options, these over the preset, and that over what gsc finds out. */
  readonly overrides: readonly SourcedOverride[];
  /**
   * Files that would be trusted, but lie below a tmpfs, an encrypted mount or an allowed volume, or are allowed in the
   * user's manifest; not in the manifest.
   */
  readonly hidden: readonly TrustedFile[];
  /** Of the image's files that are in the manifest; what has several names counts once. */
  readonly trustedSizeBytes: number;
  readonly warnings: readonly string[];
}

/** The user's manifest merged over gsc's own, with the trusted files and the defaults of the runtime's release. */
export async function composeManifest(parts: ComposeParts): Promise<ComposedManifest> {
  const { runtime, selection, libc } = parts;
  const facts = runtimeFacts(runtime);
  const user = await expandedUserManifest(parts);
  const settled = settleChoices(parts.choices, user);
  const { merged, overrides, kept } = mergeSources(parts, user, settled.choices);
  const isAllowed = allowedPlaces(merged, settled.choices);
  checkStart({ ...parts, isAllowed }, readMounts(merged));
  const isReachable = reachThroughMounts(merged);
  const isTrustable = (path: ImagePath) => isReachable(path) && !isAllowed(path);
  const reachable = selection.trusted.filter(({ path }) => isTrustable(path));
  const known = new Set(reachable.map(({ path }) => path));
  const sources = sourceFiles({ ...parts, isAllowed }).filter(({ path }) => !known.has(path));
  const withFiles = addTrustedFiles(merged, trustedEntries([...reachable, ...sources], facts, libc));
  const { root, warnings } = addDefaults(withFiles, runtime.version);
  checkComplete(root, parts);
  return {
    manifest: root,
    overrides: [...settled.overrides.map((override) => ({ ...override, from: yours })), ...overrides],
    hidden: selection.trusted.filter(({ path }) => !isTrustable(path)),
    trustedSizeBytes: contentSizeOf(reachable),
    warnings: [...warnings, ...keptPlaceNotes(kept)],
  };
}

const yours = 'your manifest';

interface MergedSources {
  readonly merged: TomlTable;
  readonly overrides: readonly SourcedOverride[];
  readonly kept: readonly KeptPlace[];
}

/** All that makes the manifest but the trusted files, the strongest over the others. */
function mergeSources(parts: ComposeParts, user: TomlTable, choices: ManifestChoices): MergedSources {
  const { runtime, preset } = parts;
  const writablePlaces = findWritablePlaces(parts.tree);
  const options = optionManifest(choices, writablePlaces);
  const takenPlaces = [user, options].flatMap(mountPoints);
  const kept = findKeptPlaces({ ...parts, user, scratchPlaces: writablePlaces, takenPlaces });
  const own = ownManifest({
    start: parts.start,
    runtime: runtimeFacts(runtime),
    version: runtime.version,
    libc: parts.libc,
    argumentSource: parts.argumentSource,
    mounts: parts.selection.mounts,
    trusted: parts.selection.trusted,
    writablePlaces,
    kept,
    takenPlaces,
  });
  const sources: readonly (readonly [from: string, table: TomlTable])[] = [
    ...(preset ? ([[`preset ${preset.preset.name}`, preset.manifest]] as const) : []),
    ['an option', options],
    [yours, user],
  ];
  let merged = own;
  const overrides: SourcedOverride[] = [];
  for (const [from, table] of sources) {
    const result = mergeManifests(table, merged);
    merged = result.merged;
    overrides.unshift(...result.overrides.map((override) => ({ ...override, from })));
  }
  return { merged: allowBehindMounts(merged, parts.selection.mounts), overrides, kept };
}

function contentSizeOf(files: readonly TrustedFile[]): number {
  const sizes = new Map(files.map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
  return [...sizes.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
}

function mountPoints(manifest: TomlTable): readonly ImagePath[] {
  return [...select(manifest, 'fs.mounts.*.path')].flatMap(([, path]) =>
    typeof path === 'string' ? [imagePath(bytesOfText(path))] : [],
  );
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

/**
 * Says of paths whether another content than the image's is expected there: the manifest allows the file or a directory
 * above it (which wins over a hash, see `treatName`), or a volume is mounted there.
 */
function allowedPlaces(manifest: TomlTable, choices: ManifestChoices): (path: ImagePath) => boolean {
  const volumes = choices.volumes.filter(({ use }) => use.kind === 'allowed').map(({ path }) => path);
  const places = placesOf([...volumes, ...allowedPaths(manifest)]);
  return (path) => places.holds(path);
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
