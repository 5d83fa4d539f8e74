import { GscError } from '../base/error.ts';
import { type ByteString, type ImagePath, imagePath } from '../base/image-path.ts';
import { parseEnclaveImage } from '../enclave/enclave-image.ts';
import { layOutEnclave } from '../enclave/enclave-layout.ts';
import { enclaveRulesOf } from '../enclave/enclave-rules.ts';
import { readEnclaveSettings } from '../enclave/enclave-settings.ts';
import { checkLoaderLimits } from '../enclave/loader-limits.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import { stateOf } from '../image/labels.ts';
import type { AddedFile } from '../layer/added-layer.ts';
import { type InsecureOption, insecureOptions } from '../manifest/insecure-options.ts';
import { type AppliedPreset, presetFor } from '../manifest/preset/presets.ts';
import { throwOnProblems } from '../manifest/schema/problem.ts';
import { serializeManifest } from '../manifest/toml/serialize.ts';
import { isArray, isTable, type TomlDocument, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { readUserManifest, type UserManifest } from '../manifest/user-manifest.ts';
import { linearParse } from '../runtime/patch-marks.ts';
import { libpalContent, type Runtime } from '../runtime/runtime.ts';
import type { ReadFiles } from '../runtime/tree-source.ts';
import { readFiles } from '../scan/read-files.ts';
import { type ContainerProcess, findStart, startFiles } from '../start/container-process.ts';
import { variableOf } from '../start/environment.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import type { TrustLevel } from '../trust/trust-level.ts';
import { type SelectOptions, selectTrustedFiles, type TrustedSelection } from '../trust/trusted-files.ts';
import { settleUserManifest } from '../user-manifest/settle-manifest.ts';
import { addFiles } from './add-files.ts';
import { buildNotes } from './build-notes.ts';
import { type BuildChoices, configuredApp, noChoices } from './build-options.ts';
import { givenProgram } from './check-start.ts';
import { chooseLibc, type LibcDecision, type LibcWish } from './choose-libc.ts';
import { type ComposedManifest, composeManifest } from './compose-manifest.ts';
import { appendGraminizedLayers } from './graminized-layers.ts';
import { findLibraryData, isFile, type LibraryDataMount, openedLibraryData } from './library-data-mounts.ts';
import {
  type GivenProfile,
  type ProfileBasis,
  type ProfiledSelection,
  selectByProfile,
} from './profiled-selection.ts';
import { mayUseTranslations, type Selections, type StartCosts, startCosts } from './start-costs.ts';
import { stopsWithSigterm } from './stop-signal.ts';
import { findUndecidedPlaces, type UndecidedPlaces } from './undecided-places.ts';
import { declaredVolumes } from './volume-report.ts';

export interface GraminizeOptions {
  /** The merged files of the app image, as `scanImage` gives them. */
  readonly tree: FileTree;
  readonly runtime: Runtime;
  /** The user's manifest, parsed and not yet checked. */
  readonly manifest?: TomlDocument;
  /** Let the arguments of `docker run` through to the application. */
  readonly insecureArguments: boolean;
  readonly libc: LibcWish;
  /** Patterns of paths, see `Glob`: to trust although they are left out by default, and to leave out. */
  readonly trust: readonly ByteString[];
  readonly exclude: readonly ByteString[];
  /** `full` by default. */
  readonly trustLevel?: TrustLevel;
  /** Trust what it names and what guard rules add to that, instead of a level. */
  readonly profile?: GivenProfile;
  readonly choices?: BuildChoices;
  /** How messages call the result. */
  readonly name: string;
  /** Seconds since 1970 for the result's times; by default the app image's creation. SOURCE_DATE_EPOCH. */
  readonly epochSeconds?: number;
  /** gsc's own version, for a label. */
  readonly toolVersion: string;
  /** The app image's full name, for a label; images in files have none. */
  readonly baseName?: string;
}

/** The unsigned image and what was decided on the way. */
export interface Graminized extends ComposedManifest, UndecidedPlaces {
  readonly image: Image;
  readonly start: ContainerProcess;
  readonly libc: LibcDecision;
  readonly selection: TrustedSelection;
  readonly trustLevel: TrustLevel;
  /** Of a build with a profile: why each file is trusted, by its real path. */
  readonly profileBasis?: ReadonlyMap<ImagePath, ProfileBasis>;
  readonly startCosts: StartCosts;
  readonly trustedFileCount: number;
  readonly insecure: readonly InsecureOption[];
  readonly preset?: AppliedPreset;
  /** What the user should know about the image: things that are lost, or work otherwise than outside. */
  readonly notes: readonly string[];
  /** How long Gramine takes to parse the manifest, at the start of every process, on a fast machine. */
  readonly predictedStartSeconds: number;
}

/**
 * Turns an app image into one that starts in an enclave: finds out how it starts, chooses its trusted files, composes the
 * manifest and adds two layers, the runtime and the app files. Same inputs, same bytes. Throws a `state` error for an
 * image that is graminized already, `manifest` errors for the user's manifest, and what finding the start throws.
 */
export async function graminize(app: Image, options: GraminizeOptions): Promise<Graminized> {
  const { runtime, choices = noChoices } = options;
  checkIsAppImage(app);
  const given = checkedManifest(options.manifest, runtime);
  const configured = configuredApp(app, choices);
  const tree = await addFiles(options.tree, choices.files, app.layers.length + 1);
  const start = findStart(configured.config, tree, app.name);
  const volumes = declaredVolumes(app.config);
  const user = given && settleUserManifest(given, { tree, runtime, start, choices, volumes });
  const read = fileReader(app, tree, choices.files);
  const libc = await chooseLibc(options.libc, { start, tree, runtime, readFiles: read });
  const trustLevel = options.trustLevel ?? 'full';
  const data = libc.choice === 'runtime' ? findLibraryData({ start, tree, runtime }) : [];
  const parts = { options, user, tree, start, data };
  const levels = selectFiles(app.name, parts);
  const profiled = await selectTraced(app.name, parts, read);
  const selections = { ...levels, ...(profiled && { traced: profiled.selection }) };
  const level = profiled ? 'traced' : trustLevel;
  const selection = selections[level] ?? levels[trustLevel];
  const argumentSource = argumentSourceOf(user, options.insecureArguments);
  const preset = presetFor(choices.preset, start, {
    ...{ user, version: runtime.version },
    setsArguments: argumentSource === 'own',
  });
  const found = { start, selection, tree, runtime, argumentSource, choices };
  const wishes = { ...(user && { user }), ...(preset && { preset }) };
  const composed = await composeManifest({
    ...{ ...found, ...wishes, libc: libc.choice, appName: app.name },
    libraryData: openedLibraryData(data, selection),
    stopsWithSigterm: stopsWithSigterm(app.config),
  });
  const manifestBytes = Buffer.from(serializeManifest(composed.manifest));
  checkEnclave({ ...composed, manifestBytes }, runtime);
  const image = appendGraminizedLayers(configured, {
    ...options,
    insecureArguments: argumentSource === 'host',
    files: [...hostsFiles(composed), ...choices.files],
    start,
    manifestBytes,
  });
  const notes = [
    ...buildNotes({ app, ...found, ...wishes, composed }),
    ...libc.notes,
    ...(profiled?.notes ?? []),
  ];
  const costs = startCosts(composed.manifest, {
    selections,
    level,
    isLinear: runtime.patches.includes(linearParse),
  });
  const figures = {
    ...figuresOf(composed.manifest),
    predictedStartSeconds: (costs[level] ?? costs[trustLevel]).predictedSeconds,
    trustLevel,
    startCosts: costs,
  };
  const places = findUndecidedPlaces({
    ...{ tree, start, selection },
    manifest: composed.manifest,
    volumes,
  });
  const facts = {
    ...composed,
    ...places,
    ...figures,
    ...(preset && { preset }),
    ...(profiled && { profileBasis: profiled.basis }),
  };
  return { image, start, libc, selection, notes, ...facts };
}

interface SelectParts {
  readonly options: GraminizeOptions;
  /** The user's manifest, fitted to the image. */
  readonly user: TomlDocument | undefined;
  readonly tree: FileTree;
  readonly start: ContainerProcess;
  readonly data: readonly LibraryDataMount[];
}

/** The trusted files at both levels: the report says what the other one would cost. */
function selectFiles(subject: string, parts: SelectParts): Selections {
  const common = selectOptions(subject, parts);
  return {
    full: selectTrustedFiles(parts.tree, { ...common, level: 'full' }),
    lean: selectTrustedFiles(parts.tree, { ...common, level: 'lean' }),
  };
}

/** The trusted files by a profile; undefined without one. */
async function selectTraced(
  subject: string,
  parts: SelectParts,
  readFiles: ReadFiles,
): Promise<ProfiledSelection | undefined> {
  const { options, tree, start } = parts;
  if (options.profile === undefined) return undefined;
  const own = variableOf(start.environment, 'LD_LIBRARY_PATH')?.split(':') ?? [];
  const libraryDirectories = [
    ...own.filter((entry) => entry.startsWith('/')).map(imagePath),
    ...start.libraries.directories,
  ];
  return selectByProfile(options.profile, selectOptions(subject, parts), {
    tree,
    readFiles,
    libraryDirectories,
  });
}

function selectOptions(subject: string, { options, user, tree, start, data }: SelectParts): SelectOptions {
  const added = (options.choices ?? noChoices).files.map(({ path }) => path);
  return {
    subject,
    trust: options.trust,
    exclude: options.exclude,
    usesTranslations: mayUseTranslations(start, user?.root),
    required: [...startFiles(start), ...namedProgram({ user, tree, start }), ...added],
    toShow: data.filter(({ kind }) => !isFile(kind)),
  };
}

/** The program that the user's manifest names: under this name, and under its real one. */
function namedProgram({ user, tree, start }: Omit<SelectParts, 'options' | 'data'>): readonly ImagePath[] {
  const given = givenProgram(user, start);
  if (given === undefined) return [];
  const places = [resolvePath(tree, given, { followLast: false }), resolvePath(tree, given)];
  return places.flatMap((place) => (place.kind === 'found' ? [place.path] : []));
}

function hostsFiles({ hosts }: ComposedManifest): readonly AddedFile[] {
  return hosts === undefined ? [] : [{ path: graminizedPaths.hosts, mode: 0o644, content: hosts }];
}

/** Reads files of the app image, and those that gsc adds to it. */
function fileReader(app: Image, tree: FileTree, added: readonly AddedFile[]): ReadFiles {
  const contents = new Map(added.map(({ path, content }) => [path, content]));
  return async (paths) => {
    const inImage = paths.filter((path) => !contents.has(path));
    return new Map([...contents, ...(await readFiles(app, tree, inImage))]);
  };
}

/** The user's manifest decides where the arguments come from, if it says so; the option does otherwise. */
function argumentSourceOf(user: TomlDocument | undefined, isInsecure: boolean): 'own' | 'host' | 'user' {
  const loader = user?.root.get('loader');
  const fromHost = isTable(loader) ? loader.get('insecure__use_cmdline_argv') : undefined;
  if (isTable(loader) && loader.has('argv_src_file')) return 'user';
  return (typeof fromHost === 'boolean' ? fromHost : isInsecure) ? 'host' : 'own';
}

/** Throws a `state` error for an image that is graminized already. */
export function checkIsAppImage(app: Image): void {
  const state = stateOf(app.config.config?.Labels ?? {});
  if (state === 'app') return;
  throw new GscError({
    code: 'state',
    subject: app.name,
    message: `expected an app image, got one that is ${state === 'signed' ? 'graminized and signed' : 'graminized'} already`,
    hint: state === 'signed' ? 'start from the app image that it was made of' : 'sign it with gsc sign-image',
  });
}

/** The user's manifest with old keys rewritten. Throws a `manifest` error for what no build accepts. */
function checkedManifest(manifest: TomlDocument | undefined, { version }: Runtime): UserManifest | undefined {
  const read = manifest && readUserManifest(manifest, version);
  if (read) throwOnProblems(read.document.subject, read.problems);
  return read;
}

/** Lays the enclave out once, so that one that is too small is found now and not when it is signed. */
function checkEnclave(
  { manifest, manifestBytes }: { readonly manifest: TomlTable; readonly manifestBytes: Buffer },
  runtime: Runtime,
): void {
  checkLoaderLimits(manifest, runtime.version);
  layOutEnclave({
    manifest: manifestBytes,
    libpal: parseEnclaveImage(libpalContent(runtime, 'sgx'), `${runtime.subject}: libpal.so`),
    settings: readEnclaveSettings(manifest, runtime.version),
    rules: enclaveRulesOf(runtime.version),
  });
}

function figuresOf(manifest: TomlTable): Pick<Graminized, 'trustedFileCount' | 'insecure'> {
  const trusted = valueAt(manifest, ['sgx', 'trusted_files']);
  const trustedFileCount = isArray(trusted) ? trusted.length : 0;
  return {
    trustedFileCount,
    insecure: insecureOptions(manifest),
  };
}
