import { digestOf, hexOf } from '../base/digest.ts';
import { bytesOfText, type ImagePath, imagePath } from '../base/image-path.ts';
import { placesOf } from '../base/place-index.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import { allowBehindMounts, allowedPaths } from '../manifest/files/allow-behind-mounts.ts';
import { expandTrustedFiles } from '../manifest/files/expand-trusted-files.ts';
import { hostPathOf, mountOf, reachThroughMounts, readMounts } from '../manifest/files/reachable-files.ts';
import { treeFiles } from '../manifest/files/tree-files.ts';
import { mergeManifests, type Override } from '../manifest/merge.ts';
import { type ManifestChoices, optionManifest, settleChoices } from '../manifest/option-manifest.ts';
import type { AppliedPreset } from '../manifest/preset/presets.ts';
import { checkManifest } from '../manifest/schema/check.ts';
import { addDefaults } from '../manifest/schema/defaults.ts';
import { showPlace, throwOnProblems } from '../manifest/schema/problem.ts';
import { checkRuntimeRules } from '../manifest/schema/runtime-rules.ts';
import { select } from '../manifest/schema/runtime-values.ts';
import {
  isArray,
  isTable,
  type TomlDocument,
  type TomlTable,
  type TomlValue,
  valueAt,
} from '../manifest/toml/toml.ts';
import { type Runtime, runtimeFacts } from '../runtime/runtime.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import type { TrustedFile, TrustedSelection } from '../trust/trusted-files.ts';
import type { InsideParts } from '../user-manifest/inside-view.ts';
import { settleLibraryPath } from '../user-manifest/library-path.ts';
import { findLoadedLibc, type LoadedLibc } from '../user-manifest/loaded-libc.ts';
import { missingMountNotes } from '../user-manifest/missing-mounts.ts';
import { type SettledPreloads, settlePreloads } from '../user-manifest/preloaded-libraries.ts';
import type { SettledManifest } from '../user-manifest/settle-manifest.ts';
import { checkStart, givenProgram, neededPaths } from './check-start.ts';
import {
  generatedManifest,
  type LibcChoice,
  scratchDirectories,
  trustedEntries,
} from './generated-manifest.ts';
import { hostsFile, hostsPlace } from './hosts-file.ts';
import type { LibraryDataMount } from './library-data-mounts.ts';
import { sourceFiles } from './source-files.ts';
import { findStartMounts, startMountNotes } from './start-mounts.ts';

export interface ComposeParts {
  /** How messages call the app image. */
  readonly appName: string;
  readonly tree: FileTree;
  readonly runtime: Runtime;
  /** The user's manifest, if there is one, fitted to the image. */
  readonly user?: SettledManifest;
  readonly start: ContainerProcess;
  readonly selection: TrustedSelection;
  readonly libc: LibcChoice;
  /** What Gramine's C library is to find of the image's data. */
  readonly libraryData: readonly LibraryDataMount[];
  /** True if stopping the container means a SIGTERM. */
  readonly stopsWithSigterm: boolean;
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
  /** The data of the C library that are mounted where Gramine's looks for them. */
  readonly libraryData: readonly LibraryDataMount[];
  /** The content of `graminizedPaths.hosts`; absent if the user's manifest or an option decides on `/etc/hosts`. */
  readonly hosts?: Buffer;
  /** The C library that the program gets with all that. */
  readonly loadedLibc: LoadedLibc;
  readonly warnings: readonly string[];
}

/** The user's manifest merged over gsc's own, with the trusted files and the defaults of the runtime's release. */
export async function composeManifest(parts: ComposeParts): Promise<ComposedManifest> {
  const { runtime, selection, libc } = parts;
  const facts = runtimeFacts(runtime);
  const user = await expandedUserManifest(parts);
  const settled = settleChoices(parts.choices, user);
  const shown = findShown(parts, user, settled.choices);
  const { merged: sources, overrides, notes } = mergeSources(parts, user, settled.choices, shown);
  const isAllowed = allowedPlaces(sources, settled.choices);
  const { manifest: merged, ...libraries } = settleLibraries(sources, { ...parts, isAllowed });
  checkStart({ ...parts, isAllowed }, readMounts(merged));
  const isReachable = reachThroughMounts(merged);
  const isTrustable = (path: ImagePath) => isReachable(path) && !isAllowed(path);
  const reachable = selection.trusted.filter(({ path }) => isTrustable(path));
  const known = new Set(reachable.map(({ path }) => path));
  const needed = [...sourceFiles({ ...parts, isAllowed }), ...libraries.files];
  const added = needed.filter(({ path }) => !known.has(path));
  const listed = [...reachable, ...added, ...(shown.hosts ? [hostsEntry(shown.hosts)] : [])];
  const opened = parts.user?.namesRuntime || libraries.namesRuntime ? 'runtime' : libc;
  const withFiles = addTrustedFiles(merged, trustedEntries(listed, facts, opened));
  const { root, warnings } = addDefaults(withFiles, runtime.version);
  checkComplete(root, parts);
  return {
    manifest: root,
    overrides: [...settled.overrides.map((override) => ({ ...override, from: yours })), ...overrides],
    hidden: selection.trusted.filter(({ path }) => !isTrustable(path)),
    trustedSizeBytes: contentSizeOf(reachable),
    ...shown,
    loadedLibc: findLoadedLibc(root, {
      ...parts,
      isAllowed,
      isImages: givenProgram(parts.user, parts.start) === undefined,
    }),
    warnings: [...warnings, ...notes, ...libraries.notes, ...droppedHostNotes(parts.choices, shown)],
  };
}

const yours = 'your manifest';

interface MergedSources {
  readonly merged: TomlTable;
  readonly overrides: readonly SourcedOverride[];
  readonly notes: readonly string[];
}

/** What is shown at other places than its own. */
type Shown = Pick<ComposedManifest, 'libraryData' | 'hosts'>;

/**
 * The C library's data as the mounts of the user and of the options show them, and the hosts file unless these, or what
 * they allow or trust, decide on `/etc/hosts`.
 */
function findShown(parts: ComposeParts, user: TomlTable, choices: ManifestChoices): Shown {
  const { tree } = parts;
  const given = mergeManifests(user, optionManifest(choices, scratchDirectories(tree))).merged;
  const mounts = readMounts(given);
  const placeOf = (path: ImagePath) => {
    const mount = mountOf(path, mounts);
    return mount && hostPathOf(path, mount);
  };
  const libraryData = parts.libraryData.flatMap(({ kind, path, target }) => {
    const place = placeOf(target);
    const isThere = place !== undefined && resolvePath(tree, place).kind === 'found';
    return isThere ? [{ kind, path, target: place }] : [];
  });
  const isDecided =
    placeOf(hostsPlace) !== hostsPlace ||
    mounts.some(({ at }) => at === hostsPlace) ||
    allowedPlaces(given, choices)(hostsPlace) ||
    isTrustedByName(parts.user, hostsPlace);
  return { libraryData, ...(isDecided ? {} : { hosts: hostsFile(tree, choices.hosts ?? []) }) };
}

/** Not by a directory above it, which nobody lists for a file that the engine makes. */
function isTrustedByName(user: TomlDocument | undefined, path: ImagePath): boolean {
  const listed = user && valueAt(user.root, ['sgx', 'trusted_files']);
  return (isArray(listed) ? listed : []).some((entry) => {
    const uri = isTable(entry) ? entry.get('uri') : entry;
    return (
      typeof uri === 'string' && uri.startsWith('file:/') && imagePath(uri.slice('file:'.length)) === path
    );
  });
}

function hostsEntry(content: Buffer): TrustedFile {
  return { path: graminizedPaths.hosts, sha256: hexOf(digestOf(content)), sizeBytes: content.length };
}

function droppedHostNotes({ hosts = [] }: ManifestChoices, shown: Shown): readonly string[] {
  if (shown.hosts !== undefined) return [];
  return hosts.map(
    ({ name, address }) =>
      `--host ${name}=${address}: not used: your manifest or an option decides on ${hostsPlace}`,
  );
}

/** All that makes the manifest but the trusted files, the strongest over the others. */
function mergeSources(
  parts: ComposeParts,
  user: TomlTable,
  choices: ManifestChoices,
  { libraryData, hosts }: Shown,
): MergedSources {
  const { runtime, preset } = parts;
  const writablePlaces = scratchDirectories(parts.tree);
  const options = optionManifest(choices, writablePlaces);
  const takenPlaces = [user, options].flatMap(mountPoints);
  const kept = findStartMounts({ ...parts, user, scratchPlaces: writablePlaces, takenPlaces });
  const own = generatedManifest({
    start: parts.start,
    runtime: runtimeFacts(runtime),
    version: runtime.version,
    libc: parts.libc,
    argumentSource: parts.argumentSource,
    mounts: parts.selection.mounts,
    trusted: parts.selection.trusted,
    writablePlaces,
    shown: [...libraryData, ...(hosts ? [{ path: hostsPlace, target: graminizedPaths.hosts }] : [])],
    stopsWithSigterm: parts.stopsWithSigterm,
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
  const notes = [...startMountNotes(kept), ...missingNotes(own, parts)];
  return { merged: allowBehindMounts(merged, parts.selection.mounts), overrides, notes };
}

/** Of mounts of the user's that show nothing. */
function missingNotes(own: TomlTable, { appName, user, start, libc }: ComposeParts): readonly string[] {
  if (user === undefined) return [];
  return missingMountNotes(user.missingMounts, {
    subject: user.subject,
    appName,
    ownMounts: mountPoints(own),
    needed: neededPaths({ start, libc, user }),
  });
}

/** The library path and the preloaded libraries that go with the C library. */
function settleLibraries(merged: TomlTable, parts: ComposeParts & InsideParts): SettledPreloads {
  const path = settleLibraryPath(merged, parts);
  const isDecided = parts.choices.environment.some(
    ({ kind, name }) => kind === 'value' && name === 'LD_PRELOAD',
  );
  const preloads = settlePreloads(path.manifest, { ...parts, isDecided });
  return { ...preloads, notes: [...path.notes, ...preloads.notes] };
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
  return expandTrustedFiles(user.root, runtime.version, treeFiles(tree, appName), (path) =>
    showPlace(user, path),
  );
}

/**
 * Says of paths whether another content than the image's is expected there: the manifest allows the file or a directory
 * above it (which wins over a hash, see `decideAccess`), or a volume is mounted there.
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
