import { digestOf, hexOf } from '../base/digest.ts';
import type { ImagePath } from '../base/image-path.ts';
import { placesOf } from '../base/place-index.ts';
import type { AddedFile } from '../layer/added-layer.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import { allowBehindMounts, allowedPaths } from '../manifest/files/allow-behind-mounts.ts';
import { expandTrustedFiles } from '../manifest/files/expand-trusted-files.ts';
import {
  hostPathOf,
  listedMounts,
  mountOf,
  reachThroughMounts,
  readMounts,
} from '../manifest/files/mounts.ts';
import { treeFiles } from '../manifest/files/tree-files.ts';
import { fitToRelease } from '../manifest/fit-to-release.ts';
import { mergeManifests, type Override } from '../manifest/merge.ts';
import {
  checkChoices,
  type ManifestChoices,
  optionManifest,
  settleChoices,
} from '../manifest/option-manifest.ts';
import { checkManifest } from '../manifest/schema/check.ts';
import { pathOfUri, uriOf } from '../manifest/schema/file-uri.ts';
import { showPlace, throwOnProblems } from '../manifest/schema/problem.ts';
import { checkRuntimeRules } from '../manifest/schema/runtime-rules.ts';
import {
  isArray,
  isTable,
  type TomlDocument,
  type TomlTable,
  type TomlValue,
  valueAt,
} from '../manifest/toml/toml.ts';
import { runtimePlacesOf } from '../runtime/places.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import type { TrustedFile } from '../trust/trusted-files.ts';
import type { InsideParts } from '../user-manifest/inside-view.ts';
import { settleLibraryPath } from '../user-manifest/library-path.ts';
import { findLoadedLibc, type LoadedLibc } from '../user-manifest/loaded-libc.ts';
import { missingMountNotes } from '../user-manifest/missing-mounts.ts';
import { type SettledPreloads, settlePreloads } from '../user-manifest/preloaded-libraries.ts';
import { type AttestedStart, attestedStart } from './attested-start.ts';
import { checkStart, givenProgram, neededPaths } from './check-start.ts';
import { argumentsFile, generatedManifest, trustedEntries } from './generated-manifest.ts';
import type { GraminizeContext, LibraryDataMount } from './graminize-context.ts';
import { hostsFile, hostsPlace } from './hosts-file.ts';
import { sourceFiles } from './source-files.ts';
import { findStartMounts, startMountNotes } from './start-mounts.ts';

/** A value that won over another one. */
export interface SourcedOverride extends Override {
  /** Where the value that counts comes from, in words: `your manifest`. */
  readonly from: string;
}

export interface ComposedManifest {
  readonly manifest: CompleteManifest;
  /** The user's manifest wins over the options, these over the preset, and that over what gsc finds out. */
  readonly overrides: readonly SourcedOverride[];
  /**
   * Files that would be trusted, but are below a tmpfs, an encrypted mount or an allowed volume, or are allowed in the
   * user's manifest; not in the manifest.
   */
  readonly hidden: readonly TrustedFile[];
  /** Of the image's files that are in the manifest; what has several names counts once. */
  readonly trustedSizeBytes: number;
  /** The data of the C library that are mounted where Gramine's looks for them. */
  readonly libraryData: readonly LibraryDataMount[];
  /** The content of the application's `/etc/hosts`; absent if the user's manifest or an option decides on that. */
  readonly hosts?: Buffer;
  /** Files that gsc makes for the application, which are trusted: that one, and arguments where no manifest holds them. */
  readonly ownFiles: readonly AddedFile[];
  readonly attested: AttestedStart;
  /** The C library that the program gets with all that. */
  readonly loadedLibc: LoadedLibc;
  readonly warnings: readonly string[];
}

/** The user's manifest merged over gsc's own, with the trusted files and the defaults of the runtime's release. */
export async function composeManifest(context: GraminizeContext): Promise<ComposedManifest> {
  const { runtime, selection, libc, choices: given } = context;
  const user = await expandedUserManifest(context);
  const { choices, overrides: overruled } = settleChoices(given, user);
  checkChoices(choices, runtime.version);
  const decided = mergeManifests(user, optionManifest(choices, context.scratchPlaces)).merged;
  const shown = findShown(context, decided, choices);
  const attested = attestedStart(context, decided);
  const { merged: sources, overrides, notes } = mergeSources(context, user, choices, { ...shown, attested });
  const isAllowed = allowedPlaces(sources, choices);
  const starter = attested.raTls?.program.libraries;
  const parts = { ...context, isAllowed, ...(starter && { starterLibraries: starter }) };
  const { manifest: merged, ...libraries } = settleLibraries(sources, parts);
  checkStart(parts, readMounts(merged));
  const isReachable = reachThroughMounts(merged);
  const isTrustable = ({ path }: TrustedFile) => isReachable(path) && !isAllowed(path);
  const reachable = selection.trusted.filter(isTrustable);
  const known = new Set(reachable.map(({ path }) => path));
  const needed = [...sourceFiles(context, isAllowed), ...libraries.files, ...attested.trusted];
  const added = needed.filter(({ path }) => !known.has(path));
  const ownFiles = ownFilesOf(context, shown);
  const listed = [...reachable, ...added, ...ownFiles.map(trustedEntryOf)];
  const opened = context.user?.namesRuntime || libraries.namesRuntime || starter ? 'runtime' : libc;
  const withFiles = addTrustedFiles(merged, trustedEntries(listed, runtime, opened));
  const { root, warnings } = fitToRelease(withFiles, runtime.version);
  checkComplete(root, context);
  const isImages = givenProgram(context.user, context.start) === undefined;
  return {
    manifest: new CompleteManifest(root, runtime.version),
    overrides: [...overruled.map((override) => ({ ...override, from: yours })), ...overrides],
    hidden: selection.trusted.filter((file) => !isTrustable(file)),
    trustedSizeBytes: contentSizeOf(reachable),
    ...shown,
    ownFiles,
    attested,
    loadedLibc: findLoadedLibc(root, { ...parts, isImages }),
    warnings: [
      ...context.startNotes,
      ...warnings,
      ...notes,
      ...attested.notes,
      ...libraries.notes,
      ...droppedHostNotes(given, shown),
    ],
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
function findShown(context: GraminizeContext, given: TomlTable, choices: ManifestChoices): Shown {
  const { tree } = context;
  const mounts = readMounts(given);
  const placeOf = (path: ImagePath) => {
    const mount = mountOf(path, mounts);
    return mount && hostPathOf(path, mount);
  };
  const libraryData = context.libraryData.flatMap(({ kind, path, target }) => {
    const place = placeOf(target);
    const isThere = place !== undefined && resolvePath(tree, place).kind === 'found';
    return isThere ? [{ kind, path, target: place }] : [];
  });
  const isDecided =
    placeOf(hostsPlace) !== hostsPlace ||
    mounts.some(({ at }) => at === hostsPlace) ||
    allowedPlaces(given, choices)(hostsPlace) ||
    isTrustedByName(context.user, hostsPlace);
  return { libraryData, ...(isDecided ? {} : { hosts: hostsFile(tree, choices.hosts ?? []) }) };
}

/** Not by a directory above it, since listing one does not mean a file that the engine makes. */
function isTrustedByName(user: TomlDocument | undefined, path: ImagePath): boolean {
  const listed = user && valueAt(user.root, ['sgx', 'trusted_files']);
  return isArray(listed) && listed.some((entry) => pathOfUri(entry) === path);
}

function ownFilesOf(context: GraminizeContext, { hosts }: Shown): readonly AddedFile[] {
  const path = runtimePlacesOf(context.runtime.version).hosts;
  const argumentFile = argumentsFile(context);
  return [...(hosts ? [{ path, mode: 0o644, content: hosts }] : []), ...(argumentFile ? [argumentFile] : [])];
}

function trustedEntryOf({ path, content }: AddedFile): TrustedFile {
  return { path, sha256: hexOf(digestOf(content)), sizeBytes: content.length };
}

function droppedHostNotes({ hosts = [] }: ManifestChoices, shown: Shown): readonly string[] {
  if (shown.hosts !== undefined) return [];
  return hosts.map(
    ({ name, address }) =>
      `--host ${name}=${address}: not used: your manifest or an option sets ${hostsPlace}`,
  );
}

/** All that makes the manifest but the trusted files, the strongest over the others. */
function mergeSources(
  context: GraminizeContext,
  user: TomlTable,
  choices: ManifestChoices,
  { libraryData, hosts, attested }: Shown & Pick<ComposedManifest, 'attested'>,
): MergedSources {
  const { preset, selection } = context;
  const options = optionManifest(choices, context.scratchPlaces);
  const takenPlaces = [user, options].flatMap(mountPoints);
  const kept = findStartMounts(context, { user, takenPlaces });
  const target = runtimePlacesOf(context.runtime.version).hosts;
  const hostsMount = hosts ? [{ path: hostsPlace, target }] : [];
  const shown = [...libraryData, ...hostsMount];
  const raTlsPlaces = attested.raTls?.places ?? [];
  const own = generatedManifest(context, { shown, kept, takenPlaces, raTlsPlaces });
  const sources: readonly (readonly [from: string, table: TomlTable])[] = [
    ...(preset ? ([[`preset ${preset.preset.name}`, preset.manifest]] as const) : []),
    ['--ratls, --secret-from', attested.manifest],
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
  const notes = [...startMountNotes(kept), ...missingNotes(own, context)];
  return { merged: allowBehindMounts(merged, selection.mounts), overrides, notes };
}

/** Of mounts of the user's that show nothing. */
function missingNotes(own: TomlTable, context: GraminizeContext): readonly string[] {
  const { user, appName } = context;
  if (user === undefined) return [];
  return missingMountNotes(user.missingMounts, {
    subject: user.subject,
    appName,
    ownMounts: mountPoints(own),
    needed: neededPaths(context),
  });
}

/** The library path and the preloaded libraries that go with the C library. */
function settleLibraries(merged: TomlTable, parts: GraminizeContext & InsideParts): SettledPreloads {
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
  return listedMounts(manifest).map(({ at }) => at);
}

/** The user's manifest, checked, with its trusted files looked up in the image. */
async function expandedUserManifest({ user, tree, runtime, appName }: GraminizeContext): Promise<TomlTable> {
  if (user === undefined) return new Map();
  if (valueAt(user.root, ['sgx', 'trusted_files']) === undefined) return user.root;
  return expandTrustedFiles(user.root, runtime.version, treeFiles(tree, appName), (path) =>
    showPlace(user, path),
  );
}

/**
 * Says for paths whether another content than the image's is expected there: the manifest allows the file or a directory
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
  const known = new Set(users.map(uriOf));
  const added = entries.filter((entry) => !known.has(uriOf(entry)));
  return new Map([...manifest, ['sgx', new Map([...table, ['trusted_files', [...users, ...added]]])]]);
}

/** The result must pass the check that Gramine's own tools make; positions are those of the user's text where they exist. */
function checkComplete(root: TomlTable, { user, runtime }: GraminizeContext): void {
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
