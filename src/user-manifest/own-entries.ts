import { bytesOfText, type ImagePath, imagePath, isWithin, parentOf } from '../base/image-path.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import { pathOfUri, uriOf } from '../manifest/schema/file-uri.ts';
import { type Finding, locateFindings, showPlace } from '../manifest/schema/problem.ts';
import { keepElements, replaceAt } from '../manifest/toml/document-edits.ts';
import {
  isArray,
  isTable,
  type KeyPath,
  showPath,
  type TomlDocument,
  type TomlValue,
  valueAt,
} from '../manifest/toml/toml.ts';
import { installedPlace } from '../runtime/installed-places.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { runSteps, type Step, type Surroundings, unchanged } from './step.ts';

/** Where graminized images have the manifest and what starts them; the Python GSC too. */
const appFiles = parentOf(graminizedPaths.application);

/** The same in the root directory: GSC of Graphene 1.2. */
const olderAppFiles = /^\/(?:entrypoint\.(?:manifest(?:\.sgx)?|sig|token)|apploader\.sh|trusted_argv)$/;

const mountsKey: KeyPath = ['fs', 'mounts'];

/** Keys with lists of files, and keys with one. */
const lists: readonly KeyPath[] = [['sgx', 'trusted_files'], ['sgx', 'allowed_files'], mountsKey];
const singles: readonly (readonly [key: KeyPath, kind: 'path' | 'uri'])[] = [
  [['libos', 'entrypoint'], 'path'],
  [['loader', 'argv_src_file'], 'uri'],
  [['loader', 'env_src_file'], 'uri'],
];

/** Whose file an entry names that the image does not have. */
type Owner = 'tool' | 'runtime';

const reasons: Readonly<Record<Owner, string>> = {
  tool: 'which gsc makes itself',
  runtime: 'a file of the runtime, whose files gsc trusts by itself',
};

/**
 * Leaves out what names gsc's own files, which no app image has: the manifest itself, as in the test manifests of the Python
 * GSC, what that tool starts with, and files of the runtime, wherever an installation has them. A SHA-256 of another file
 * than the runtime's is a problem.
 */
export function dropOwnEntries(document: TomlDocument, around: Surroundings): Step {
  return runSteps(document, [
    ...lists.map((key) => (before: TomlDocument) => dropFromList(before, key, around)),
    ...singles.map((single) => (before: TomlDocument) => dropSingle(before, single, around)),
  ]);
}

interface OwnEntry {
  readonly index: number;
  readonly uri: string;
  readonly owner: Owner;
}

function dropFromList(document: TomlDocument, key: KeyPath, around: Surroundings): Step {
  const list = valueAt(document.root, key);
  const entries = isArray(list) ? list : [];
  const own = entries.flatMap((entry, index): readonly OwnEntry[] => {
    const uri = uriOf(entry);
    const owner = uri === undefined ? undefined : ownerOf(pathOfUri(uri), around);
    // Mounts of the runtime's places are given their place here, not left out.
    if (key === mountsKey && owner !== 'tool') return [];
    return uri === undefined || owner === undefined ? [] : [{ index, uri, owner }];
  });
  const dropped = new Set(own.map(({ index }) => index));
  const kept = entries.flatMap((_, index) => (dropped.has(index) ? [] : [index]));
  return {
    document: keepElements(document, key, kept),
    notes: notesOn(document, key, own),
    problems: locateFindings(
      document,
      own.flatMap(({ index, uri }) => findOtherHash(entries[index], { path: [...key, index], uri }, around)),
    ),
    namesRuntime: own.some(({ owner }) => owner === 'runtime'),
  };
}

function dropSingle(
  document: TomlDocument,
  [key, kind]: (typeof singles)[number],
  around: Surroundings,
): Step {
  const value = valueAt(document.root, key);
  const isAbsolute = typeof value === 'string' && value.startsWith('/');
  const path = isAbsolute ? imagePath(bytesOfText(value)) : undefined;
  const owner = ownerOf(kind === 'uri' ? pathOfUri(value) : path, around);
  if (owner !== 'tool') return unchanged(document);
  const reason = `${JSON.stringify(value)} belongs to a graminized image, and gsc finds out what starts`;
  return {
    ...unchanged(replaceAt(document, key, undefined)),
    notes: [`${showPlace(document, key)} is left out: ${reason}`],
  };
}

/** More entries than these are counted, not listed. */
const listedEntries = 3;

function notesOn(document: TomlDocument, key: KeyPath, own: readonly OwnEntry[]): readonly string[] {
  return (['tool', 'runtime'] as const).flatMap((owner) => {
    const entries = own.filter((entry) => entry.owner === owner);
    const [first] = entries;
    if (first === undefined) return [];
    const shown = entries.slice(0, listedEntries).map(({ uri }) => uri);
    const more = entries.length > shown.length ? ` and ${entries.length - shown.length} more` : '';
    const place = showPlace(document, [...key, first.index]);
    return [`${place}: left out of ${showPath(key)}: ${shown.join(', ')}${more}, ${reasons[owner]}`];
  });
}

function ownerOf(path: ImagePath | undefined, { tree, runtime }: Surroundings): Owner | undefined {
  if (path === undefined || resolvePath(tree, path).kind === 'found') return undefined;
  const isTools = isWithin(path, appFiles) || olderAppFiles.test(path) || path === parentOf(appFiles);
  if (isTools) return 'tool';
  return installedPlace(runtime, path) === undefined ? undefined : 'runtime';
}

function findOtherHash(
  entry: TomlValue | undefined,
  { path, uri }: { readonly path: KeyPath; readonly uri: string },
  { runtime }: { readonly runtime: Runtime },
): readonly Finding[] {
  const given = isTable(entry) ? entry.get('sha256') : undefined;
  const place = pathOfUri(uri);
  const installed = place && installedPlace(runtime, place);
  const file = runtime.files.find((each) => each.path === installed);
  if (typeof given !== 'string' || file === undefined || given.toLowerCase() === file.sha256) return [];
  return [
    {
      path,
      message: `expected the SHA-256 of ${uri} of the runtime, ${file.sha256}, got ${given}`,
      hint: 'remove the entry: gsc trusts the files of the runtime by itself',
    },
  ];
}
