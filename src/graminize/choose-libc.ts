import { type ByteString, baseNameOf, imagePath, isWithin, showBytes } from '../base/image-path.ts';
import { versionsDefinedIn } from '../elf/c-library-parts.ts';
import { parseElf } from '../elf/elf.ts';
import { dynamicLinksOf } from '../elf/elf-dynamic.ts';
import { neededVersionsOf } from '../elf/elf-versions.ts';
import { type NeededFile, neededFiles } from '../runtime/find/needed-libraries.ts';
import { type Runtime, runtimeFacts } from '../runtime/runtime.ts';
import { type ReadFiles, readOne, realFileAt, rememberContents } from '../runtime/tree-source.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import { variableOf } from '../start/environment.ts';
import type { FileTree } from '../tree/file-tree.ts';

/** Which C library the application gets inside: Gramine's, which is patched and faster, or the image's own. */
export type LibcChoice = 'runtime' | 'image';

/** What the user asks for; `auto` leaves the choice to gsc. */
export type LibcWish = 'auto' | LibcChoice;

export interface LibcDecision {
  readonly choice: LibcChoice;
  /** What decided, for the report. */
  readonly reason: string;
  /** What the user should know about it. */
  readonly notes: readonly string[];
}

export interface ChooseLibcParts {
  readonly start: ContainerProcess;
  readonly tree: FileTree;
  readonly runtime: Runtime;
  /** Reads files of the app image; asked only if the image's glibc has versions that the runtime's lacks. */
  readonly readFiles: ReadFiles;
}

/**
 * Chooses the C library of an application: Gramine's patched glibc for programs on glibc, the image's own for musl, for
 * static programs, and where the program or a library that it needs demands symbol versions that the runtime's glibc
 * does not define. Throws an `elf` error for a damaged program or library.
 */
export async function chooseLibc(wish: LibcWish, parts: ChooseLibcParts): Promise<LibcDecision> {
  const { libc } = parts.start.libraries;
  if (libc === 'static') return decided('image', 'the program is static');
  if (libc === 'musl') return decided('image', 'the program is built for musl');
  if (wish !== 'auto') return decided(wish, 'as asked for');
  const offered = versionsOffered(parts.runtime);
  if (offered.size === 0) return decided('image', 'the runtime has no glibc');
  const news = newVersions(parts, offered);
  if (news === undefined) return decided('runtime', "it has every symbol version of the image's glibc");
  const lack = await findLack(parts, offered);
  if (lack !== undefined) return decided('image', lack);
  return {
    choice: 'runtime',
    reason: 'it has every symbol version that the program and its libraries need',
    notes: [
      `the image's glibc is newer than the runtime's (${news}); if a program that the application starts or a module ` +
        'that it loads later needs that, build with --libc image',
    ],
  };
}

function decided(choice: LibcChoice, reason: string): LibcDecision {
  return { choice, reason, notes: [] };
}

/** The versions that each library of the runtime's glibc defines, by its name. Absent: it defines none. */
type OfferedVersions = ReadonlyMap<ByteString, ReadonlySet<ByteString> | undefined>;

function versionsOffered(runtime: Runtime): OfferedVersions {
  const directory = runtimeFacts(runtime).cLibraryDirectories.glibc;
  if (directory === undefined) return new Map();
  const libraries = runtime.files.filter(({ path }) => isWithin(path, directory));
  return new Map(
    libraries.map(({ path, content }) => {
      const versions = versionsDefinedIn(content) ?? [];
      return [baseNameOf(path), versions.length > 0 ? new Set(versions) : undefined];
    }),
  );
}

/** glibc, elf/dl-version.c, `match_symbol`: a library without any version definitions meets every demand. */
function lacks(offered: OfferedVersions, library: ByteString, version: ByteString): boolean {
  return offered.get(library)?.has(version) === false;
}

/** What the image's glibc defines beyond the runtime's, in words; undefined if that is nothing, so nothing can be missing. */
function newVersions({ start, tree }: ChooseLibcParts, offered: OfferedVersions): string | undefined {
  for (const directory of start.libraries.directories) {
    for (const library of offered.keys()) {
      const node = realFileAt(tree, `${directory}/${library}`)?.node;
      if (node?.program?.kind !== 'elf') continue;
      const { definedVersions } = node.program;
      const added = definedVersions?.filter((version) => lacks(offered, library, version));
      if (added === undefined) return `${library} defines versions that were not read`;
      if (added.length > 0) return `${library} defines ${added.map(showBytes).join(', ')}`;
    }
  }
  return undefined;
}

/** The first demand of the program, or of a library that it needs, which the runtime's glibc does not meet, in words. */
async function findLack(parts: ChooseLibcParts, offered: OfferedVersions): Promise<string | undefined> {
  for (const { origin, content } of await loadedFiles(parts, offered)) {
    for (const { library, version } of neededVersionsOf(parseElf(content, showBytes(origin)))) {
      if (!lacks(offered, library, version)) continue;
      return `${showBytes(origin)} needs ${showBytes(version)} of ${showBytes(library)}, which the runtime's lacks`;
    }
  }
  return undefined;
}

/** The ELF file that runs and the libraries that it needs, without those that the runtime's glibc replaces. */
async function loadedFiles(parts: ChooseLibcParts, offered: OfferedVersions): Promise<readonly NeededFile[]> {
  const { start, tree } = parts;
  const source = rememberContents({ tree, readFiles: parts.readFiles });
  const program = start.chain.steps.at(-1) ?? start.executable;
  const content = await readOne(source, program.path);
  const links = dynamicLinksOf(parseElf(content, showBytes(program.path)));
  const own = variableOf(start.environment, 'LD_LIBRARY_PATH')?.split(':') ?? [];
  const needed = await neededFiles(
    source,
    { path: program.path, links },
    {
      preferred: own.filter((entry) => entry !== '').map(imagePath),
      directories: start.libraries.directories,
      isPassedOver: (name) => offered.has(name),
      ifMissing: 'skip',
    },
  );
  return [{ name: baseNameOf(program.path), origin: program.path, content }, ...needed];
}
