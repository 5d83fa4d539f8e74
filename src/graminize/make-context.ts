import { type ByteString, baseNameOf, bytesOfText, type ImagePath, imagePath } from '../base/image-path.ts';
import type { Image } from '../image/image.ts';
import type { AddedFile } from '../layer/added-layer.ts';
import { presetFor } from '../manifest/preset/presets.ts';
import { throwOnProblems } from '../manifest/schema/problem.ts';
import { hasMountType } from '../manifest/schema/schema.ts';
import { isTable, type TomlDocument, valueAt } from '../manifest/toml/toml.ts';
import { readUserManifest, type UserManifest } from '../manifest/user-manifest.ts';
import { type EnclaveFiles, enclaveFiles, withOwnArguments } from '../runtime/places.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ReadFiles } from '../runtime/tree-source.ts';
import { runsScripts } from '../runtime/version.ts';
import { readFiles } from '../scan/read-files.ts';
import { scanImage } from '../scan/scan-image.ts';
import { type ContainerProcess, startFiles } from '../start/container-process.ts';
import { variableOf } from '../start/environment.ts';
import type { ClosureParts } from '../trace/elf-closure.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import type { TrustLevel } from '../trust/trust-level.ts';
import { type SelectOptions, selectTrustedFiles, type TrustedSelection } from '../trust/trusted-files.ts';
import { settleUserManifest } from '../user-manifest/settle-manifest.ts';
import { addFiles } from './add-files.ts';
import { configuredApp, type GraminizeOptions, noChoices } from './build-options.ts';
import { givenProgram } from './check-start.ts';
import { chooseLibc } from './choose-libc.ts';
import type { ArgumentSource, GraminizeContext, LibraryDataMount, Selections } from './graminize-context.ts';
import { findLibraryData, isFile, openedLibraryData } from './library-data-mounts.ts';
import { selectByProfile } from './profiled-selection.ts';
import { scratchDirectories } from './scratch-directories.ts';
import { authoritiesIn } from './secret-provisioning.ts';
import { mayUseTranslations } from './start-costs.ts';
import { startableApp } from './startable-app.ts';
import { declaredVolumes } from './volume-report.ts';

/**
 * Finds out and decides what a build is about. Throws `manifest` errors for the user's manifest and what finding the start
 * throws.
 */
export async function makeContext(
  app: Image,
  runtime: Runtime,
  options: GraminizeOptions,
): Promise<GraminizeContext> {
  const { choices = noChoices, trustLevel = 'full' } = options;
  const given = checkedManifest(options.manifest, runtime);
  const { release } = runtime.version;
  const appTree = options.tree ?? (await scanImage(app, options.scan)).tree;
  const tree = await addFiles(appTree, choices.files, app.layers.length + 1);
  const startable = startableApp(configuredApp(app, choices), tree, { runsScripts: runsScripts(release) });
  const { app: configured, start } = startable;
  const volumes = declaredVolumes(app.config);
  const user = given && settleUserManifest(given, { tree, runtime, start, choices, volumes });
  const read = fileReader(app, tree, choices.files);
  const libcDecision = await chooseLibc(options.libc ?? 'auto', { start, tree, runtime, readFiles: read });
  const data = libcDecision.choice === 'runtime' ? findLibraryData({ start, tree, runtime }) : [];
  const image = { app, configured, appName: app.name, runtime, choices, appTree, tree, start, volumes };
  const select = selectOptions(options, { ...image, ...(user && { user }) }, data);
  const profiled = options.profile && (await selectByProfile(options.profile, select, closure(image, read)));
  const selections = selectionsOf(tree, select, profiled?.selection);
  const selection = profiled?.selection ?? selections[trustLevel];
  const argumentSource = argumentSourceOf(user, options.insecureArguments === true);
  const setsArguments = argumentSource === 'own';
  const preset = presetFor(choices.preset, start, { user, version: runtime.version, setsArguments });
  return {
    ...image,
    ...(user && { user }),
    ...(preset && { preset }),
    ...(profiled && { profiled }),
    scratchPlaces: hasMountType(release, 'tmpfs') ? scratchDirectories(tree) : [],
    argumentSource,
    libc: libcDecision.choice,
    libcDecision,
    libraryData: opensUnlistedFiles(user) ? data : openedLibraryData(data, selection),
    selections,
    trustLevel,
    costLevel: profiled ? 'traced' : trustLevel,
    selection,
    files: filesOf(runtime, start, options.enclaveName),
    children: options.childSignatures ?? [],
    startNotes: startable.notes,
    readFiles: read,
  };
}

/** Each is made when it is asked for: only a report asks for those of other levels. */
function selectionsOf(
  tree: FileTree,
  options: SelectOptions,
  traced: TrustedSelection | undefined,
): Selections {
  const made = new Map<TrustLevel, TrustedSelection>();
  const at = (level: TrustLevel): TrustedSelection => {
    const selection = made.get(level) ?? selectTrustedFiles(tree, { ...options, level });
    made.set(level, selection);
    return selection;
  };
  return {
    get full() {
      return at('full');
    },
    get lean() {
      return at('lean');
    },
    ...(traced && { traced }),
  };
}

/** One of several enclaves gets its arguments from its parent; the file that its manifest names has to be there all the same. */
function filesOf(
  { version }: Runtime,
  { workingDirectory: { realPath: directory }, argv }: ContainerProcess,
  given: ByteString | undefined,
): EnclaveFiles {
  const name = given ?? baseNameOf(imagePath(bytesOfText(argv[0] ?? '')));
  const files = enclaveFiles(version, { directory, name });
  return given === undefined ? files : withOwnArguments(files);
}

/** The user's manifest with old keys rewritten. Throws a `manifest` error for what no build accepts. */
function checkedManifest(manifest: TomlDocument | undefined, { version }: Runtime): UserManifest | undefined {
  const read = manifest && readUserManifest(manifest, version);
  if (read) throwOnProblems(read.document.subject, read.problems);
  return read;
}

/** Reads files of the app image, and those that gsc adds to it. */
function fileReader(app: Image, tree: FileTree, added: readonly AddedFile[]): ReadFiles {
  const contents = new Map(added.map(({ path, content }) => [path, content]));
  return async (paths) => {
    const inImage = paths.filter((path) => !contents.has(path));
    return new Map([...contents, ...(await readFiles(app, tree, inImage))]);
  };
}

function selectOptions(
  { trust = [], exclude = [] }: GraminizeOptions,
  context: Pick<GraminizeContext, 'appName' | 'choices' | 'tree' | 'start' | 'user'>,
  data: readonly LibraryDataMount[],
): SelectOptions {
  const { start, user, choices } = context;
  return {
    subject: context.appName,
    trust,
    exclude,
    usesTranslations: mayUseTranslations(start, user?.root),
    required: [
      ...startFiles(start),
      ...namedProgram(context),
      ...choices.files.map(({ path }) => path),
      ...believedAuthorities(context),
    ],
    toShow: data.filter(({ kind }) => !isFile(kind)),
  };
}

/** The image's own authorities, if the client of key brokers is to believe them. */
function believedAuthorities({
  choices: { secretBrokers },
  tree,
}: Pick<GraminizeContext, 'choices' | 'tree'>): readonly ImagePath[] {
  if (secretBrokers === undefined || secretBrokers.authorities !== undefined) return [];
  return authoritiesIn(tree) ?? [];
}

/** True of a manifest with which the library OS opens files that no list has, and only logs them. */
function opensUnlistedFiles(user: TomlDocument | undefined): boolean {
  return user !== undefined && valueAt(user.root, ['sgx', 'file_check_policy']) === 'allow_all_but_log';
}

/** Where the libraries of traced programs are looked up. */
function closure(
  { tree, start }: Pick<GraminizeContext, 'tree' | 'start'>,
  readFiles: ReadFiles,
): ClosureParts {
  const own = variableOf(start.environment, 'LD_LIBRARY_PATH')?.split(':') ?? [];
  const absolute = own.filter((entry) => entry.startsWith('/')).map(imagePath);
  return { tree, readFiles, libraryDirectories: [...absolute, ...start.libraries.directories] };
}

/** The program that the user's manifest names: under this name, and under its real one. */
function namedProgram({
  user,
  tree,
  start,
}: Pick<GraminizeContext, 'user' | 'tree' | 'start'>): readonly ImagePath[] {
  const given = givenProgram(user, start);
  if (given === undefined) return [];
  const places = [resolvePath(tree, given, { followLast: false }), resolvePath(tree, given)];
  return places.flatMap((place) => (place.kind === 'found' ? [place.path] : []));
}

/** The user's manifest decides where the arguments come from, if it says so; the option does otherwise. */
function argumentSourceOf(user: TomlDocument | undefined, isInsecure: boolean): ArgumentSource {
  const loader = user?.root.get('loader');
  const fromHost = isTable(loader) ? loader.get('insecure__use_cmdline_argv') : undefined;
  if (isTable(loader) && loader.has('argv_src_file')) return 'user';
  return (typeof fromHost === 'boolean' ? fromHost : isInsecure) ? 'host' : 'own';
}
