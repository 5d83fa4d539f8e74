import { GscError } from '../base/error.ts';
import { bytesOfText, childOf, type ImagePath, imagePath, rootPath, showBytes } from '../base/image-path.ts';
import { showPlace } from '../manifest/schema/problem.ts';
import { textOfVariable, variableIn, withVariable } from '../manifest/schema/variable.ts';
import { type TomlDocument, type TomlTable, valueAt } from '../manifest/toml/toml.ts';
import { installedPlace, isGramineLibrary, libraryPlace } from '../runtime/installed-places.ts';
import type { ContainerProcess } from '../start/container-process.ts';
import { glibcDefaultDirectories } from '../start/library-paths.ts';
import type { TrustedFile } from '../trust/trusted-files.ts';
import { type InsideFile, type InsideParts, insideView } from './inside-view.ts';

export interface PreloadParts extends InsideParts {
  readonly appName: string;
  readonly start: ContainerProcess;
  /** The user's manifest, if there is one. */
  readonly user?: TomlDocument;
  /** True if the user decides the variable on the command line: what is missing is dropped then. */
  readonly isDecided: boolean;
}

/** A manifest whose preloaded libraries are there. */
export interface SettledPreloads {
  readonly manifest: TomlTable;
  readonly notes: readonly string[];
  /** Libraries of the image, to be trusted whatever the rules say. */
  readonly files: readonly TrustedFile[];
  readonly namesRuntime: boolean;
}

const name = 'LD_PRELOAD';
const key = ['loader', 'env', name];

/**
 * Makes sure that every library of `LD_PRELOAD` is there and trusted: the dynamic loader skips a missing one, and the
 * program runs without what the library is for, attestation for instance. Libraries of Gramine are found where the runtime
 * lies. Throws a `manifest` error for a missing one of the user's manifest, an `entrypoint` error for one of the image.
 */
export function settlePreloads(merged: TomlTable, parts: PreloadParts): SettledPreloads {
  const words = wordsIn(variableIn(merged, name) ?? '');
  const found = words.map((word) => findLibrary(word, merged, parts));
  const missing = found.filter(({ file }) => file.kind === 'missing');
  const refused = parts.isDecided ? undefined : missing.find(({ word }) => isMissed(word, parts));
  if (refused !== undefined) throw missingLibrary(refused.word, parts);
  const kept = found.filter(({ file }) => file.kind !== 'missing');
  const places = kept.map(({ word, place }) => (place === undefined ? word : showBytes(place)));
  const settled = [...new Set(places)].join(':');
  return {
    manifest: settled === words.join(':') ? merged : withVariable(merged, name, settled),
    notes: [
      ...kept.flatMap(({ word, place }) =>
        place === undefined ? [] : [`${name}: ${word} became ${showBytes(place)}, where the runtime is`],
      ),
      ...missing.map(({ word }) => `${name}: ${word} is dropped: ${parts.appName} does not have it`),
      ...staticNotes(words, parts.start),
    ],
    files: kept.flatMap(({ file }) => trustedFile(file)),
    namesRuntime: kept.some(({ file }) => file.kind === 'runtime'),
  };
}

/** ld.so(8): colons or blanks. */
function wordsIn(text: string): readonly string[] {
  return text.split(/[: ]+/).filter((word) => word !== '');
}

interface FoundLibrary {
  readonly word: string;
  readonly file: InsideFile;
  /** Where it is instead of where the word says. */
  readonly place?: ImagePath;
}

function findLibrary(word: string, merged: TomlTable, parts: PreloadParts): FoundLibrary {
  // $ORIGIN, $LIB and $PLATFORM: only the loader knows what they stand for.
  if (word.includes('$')) return { word, file: { kind: 'unknown' } };
  const lookInside = insideView(merged, parts);
  const candidates = candidatesFor(word, merged, parts.start);
  for (const candidate of candidates) {
    const file = lookInside(candidate);
    if (file.kind !== 'missing') return { word, file };
  }
  const place = placeInRuntime(candidates[0] ?? rootPath, parts);
  return place === undefined
    ? { word, file: { kind: 'missing' } }
    : { word, file: { kind: 'runtime', path: place }, place };
}

function candidatesFor(word: string, merged: TomlTable, start: ContainerProcess): readonly ImagePath[] {
  if (word.startsWith('/')) return [imagePath(bytesOfText(word))];
  if (word.includes('/')) {
    const given = valueAt(merged, ['fs', 'start_dir']);
    const from = typeof given === 'string' ? bytesOfText(given) : rootPath;
    return [imagePath(`${from}/${bytesOfText(word)}`)];
  }
  const listed = (variableIn(merged, 'LD_LIBRARY_PATH') ?? '').split(':').filter((part) => part !== '');
  const directories = [
    ...listed.map((part) => imagePath(bytesOfText(part))),
    ...start.libraries.directories,
    ...glibcDefaultDirectories,
  ];
  return directories.map((directory) => childOf(directory, bytesOfText(word)));
}

/** For a program on musl, a library for glibc is as good as none. */
function placeInRuntime(path: ImagePath, { runtime, start }: PreloadParts): ImagePath | undefined {
  if (!isGramineLibrary(path)) return undefined;
  if (start.libraries.libc === 'musl') return libraryPlace(runtime, path, 'musl');
  return installedPlace(runtime, path);
}

function trustedFile(file: InsideFile): readonly TrustedFile[] {
  if (file.kind !== 'image') return [];
  const { sha256, sizeBytes } = file.node;
  return [{ path: file.path, sha256, sizeBytes }];
}

function staticNotes(words: readonly string[], { libraries }: ContainerProcess): readonly string[] {
  if (words.length === 0 || libraries.libc !== 'static') return [];
  return [
    `the program that starts is static and ignores ${name} (${words.join(':')}); only dynamic programs that it starts load them`,
  ];
}

function isUsers(word: string, { user }: PreloadParts): boolean {
  return wordsIn(textOfVariable(user && valueAt(user.root, key)) ?? '').includes(word);
}

/** A static program loads nothing of what its image says; but what a manifest demands is meant. */
function isMissed(word: string, parts: PreloadParts): boolean {
  return parts.start.libraries.libc !== 'static' || isUsers(word, parts);
}

function missingLibrary(word: string, parts: PreloadParts): GscError {
  const { user, appName, runtime } = parts;
  const isOfUser = user !== undefined && isUsers(word, parts);
  const lacks = isGramineLibrary(imagePath(bytesOfText(word)))
    ? `neither ${appName} nor the runtime ${runtime.subject} has it for this program's C library`
    : `${appName} does not have it`;
  return new GscError({
    code: isOfUser ? 'manifest' : 'entrypoint',
    subject: isOfUser ? showPlace(user, key) : `${appName}: ${name}`,
    message: `the library ${JSON.stringify(word)} cannot be preloaded: ${lacks}; programs would run without it, unnoticed`,
    hint: `add it with --file FILE:PATH, or drop it with --env ${name}=`,
  });
}
