import { addFiles } from './add-files.ts';
import type { AddedFile } from './added-layer.ts';
import { GscError } from './base/error.ts';
import type { ByteString, ImagePath } from './base/image-path.ts';
import { buildNotes } from './build-notes.ts';
import { type BuildChoices, configuredApp, noChoices } from './build-options.ts';
import { givenProgram } from './check-start.ts';
import { chooseLibc, type LibcDecision, type LibcWish } from './choose-libc.ts';
import { type ComposedManifest, composeManifest } from './compose-manifest.ts';
import { parseEnclaveImage } from './enclave/enclave-image.ts';
import { layOutEnclave } from './enclave/enclave-layout.ts';
import { enclaveRulesOf } from './enclave/enclave-rules.ts';
import { readEnclaveSettings } from './enclave/enclave-settings.ts';
import { checkLoaderLimits } from './enclave/loader-limits.ts';
import { appendGraminizedLayers } from './graminized-layers.ts';
import type { Image } from './image/image.ts';
import { stateOf } from './labels.ts';
import { findLibraryData, isFile, type LibraryDataMount, openedLibraryData } from './library-data-mounts.ts';
import { checkManifest } from './manifest/check.ts';
import { type InsecureOption, insecureOptions } from './manifest/insecure-options.ts';
import { type AppliedPreset, presetFor } from './manifest/presets.ts';
import { throwOnProblems } from './manifest/problem.ts';
import { checkRuntimeRules } from './manifest/runtime-rules.ts';
import { serializeManifest } from './manifest/serialize.ts';
import { predictStartSeconds } from './manifest/start-time.ts';
import { isArray, isTable, type TomlDocument, type TomlTable, valueAt } from './manifest/toml.ts';
import { runtimePaths } from './runtime/launch.ts';
import { libpalContent, type Runtime } from './runtime/runtime.ts';
import type { ReadFiles } from './runtime/tree-source.ts';
import { findStart, type Start, startFiles } from './scan/find-start.ts';
import { readFiles } from './scan/read-files.ts';
import type { TrustLevel } from './scan/trust-level.ts';
import { selectTrustedFiles, type TrustedSelection } from './scan/trusted-files.ts';
import { mayUseTranslations, type Selections, type StartCosts, startCosts } from './start-costs.ts';
import { stopsWithSigterm } from './stop-signal.ts';
import type { FileTree } from './tree/file-tree.ts';
import { resolvePath } from './tree/resolve-path.ts';
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
  readonly start: Start;
  readonly libc: LibcDecision;
  readonly selection: TrustedSelection;
  readonly trustLevel: TrustLevel;
  readonly startCosts: StartCosts;
  readonly trustedFileCount: number;
  readonly insecure: readonly InsecureOption[];
  readonly preset?: AppliedPreset;
  /** What the user should know about the image: things that are lost, or work otherwise than outside. */
  readonly notes: readonly string[];
  /** How long Gramine takes to parse the manifest, at the start of every process. */
  readonly predictedStartSeconds: number;
}

/**
 * Turns an app image into one that starts in an enclave: finds out how it starts, chooses its trusted files, composes the
 * manifest and adds two layers, the runtime and the app files. Same inputs, same bytes. Throws a `state` error for an
 * image that is graminized already, `manifest` errors for the user's manifest, and what finding the start throws.
 */
export async function graminize(app: Image, options: GraminizeOptions): Promise<Graminized> {
  const { runtime, manifest: user, choices = noChoices } = options;
  checkIsAppImage(app);
  checkUserManifest(user, runtime);
  const configured = configuredApp(app, choices);
  const tree = await addFiles(options.tree, choices.files, app.layers.length + 1);
  const start = findStart(configured.config, tree, app.name);
  const read = fileReader(app, tree, choices.files);
  const libc = await chooseLibc(options.libc, { start, tree, runtime, readFiles: read });
  const trustLevel = options.trustLevel ?? 'full';
  const data = libc.choice === 'runtime' ? findLibraryData({ start, tree, runtime }) : [];
  const selections = selectFiles(app.name, { options, tree, start, data });
  const selection = selections[trustLevel];
  const argumentSource = argumentSourceOf(user, options.insecureArguments);
  const preset = presetFor(choices.preset, start, {
    ...{ user, version: runtime.version },
    setsArguments: argumentSource === 'own',
  });
  const found = { start, selection, tree, runtime, argumentSource, choices };
  const given = { ...(user && { user }), ...(preset && { preset }) };
  const composed = await composeManifest({
    ...{ ...found, ...given, libc: libc.choice, appName: app.name },
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
  const notes = [...buildNotes({ app, ...found, ...given, composed }), ...libc.notes];
  const figures = {
    ...figuresOf(composed.manifest),
    trustLevel,
    startCosts: startCosts(composed.manifest, selections, trustLevel),
  };
  const places = findUndecidedPlaces({
    ...{ tree, start, selection },
    manifest: composed.manifest,
    volumes: declaredVolumes(app.config),
  });
  const facts = { ...composed, ...places, ...figures, ...(preset && { preset }) };
  return { image, start, libc, selection, notes, ...facts };
}

interface SelectParts {
  readonly options: GraminizeOptions;
  readonly tree: FileTree;
  readonly start: Start;
  readonly data: readonly LibraryDataMount[];
}

/** The trusted files at both levels: the report says what the other one would cost. */
function selectFiles(subject: string, { options, tree, start, data }: SelectParts): Selections {
  const added = (options.choices ?? noChoices).files.map(({ path }) => path);
  const common = {
    subject,
    trust: options.trust,
    exclude: options.exclude,
    usesTranslations: mayUseTranslations(start, options.manifest?.root),
    required: [...startFiles(start), ...namedProgram({ options, tree, start }), ...added],
    toShow: data.filter(({ kind }) => !isFile(kind)),
  };
  return {
    full: selectTrustedFiles(tree, { ...common, level: 'full' }),
    lean: selectTrustedFiles(tree, { ...common, level: 'lean' }),
  };
}

/** The program that the user's manifest names: under this name, and under its real one. */
function namedProgram({ options, tree, start }: Omit<SelectParts, 'data'>): readonly ImagePath[] {
  const given = givenProgram(options.manifest, start);
  if (given === undefined) return [];
  const places = [resolvePath(tree, given, { followLast: false }), resolvePath(tree, given)];
  return places.flatMap((place) => (place.kind === 'found' ? [place.path] : []));
}

function hostsFiles({ hosts }: ComposedManifest): readonly AddedFile[] {
  return hosts === undefined ? [] : [{ path: runtimePaths.hosts, mode: 0o644, content: hosts }];
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

function checkUserManifest(manifest: TomlDocument | undefined, { version }: Runtime): void {
  if (manifest === undefined) return;
  throwOnProblems(manifest.subject, [
    ...checkManifest(manifest, version, 'user'),
    ...checkRuntimeRules(manifest, version),
  ]);
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

function figuresOf(
  manifest: TomlTable,
): Pick<Graminized, 'trustedFileCount' | 'insecure' | 'predictedStartSeconds'> {
  const trusted = valueAt(manifest, ['sgx', 'trusted_files']);
  const trustedFileCount = isArray(trusted) ? trusted.length : 0;
  return {
    trustedFileCount,
    insecure: insecureOptions(manifest),
    predictedStartSeconds: predictStartSeconds(trustedFileCount, { form: 'blocks' }),
  };
}
