import {
  baseNameOf,
  childOf,
  type ImagePath,
  imagePath,
  isWithin,
  parentOf,
  rootPath,
} from '../base/image-path.ts';
import { readMount } from '../manifest/files/mounts.ts';
import { fileUri, pathOfUri, uriOf } from '../manifest/schema/file-uri.ts';
import { showPlace } from '../manifest/schema/problem.ts';
import { keepElements, replaceAt } from '../manifest/toml/document-edits.ts';
import {
  isArray,
  isTable,
  type KeyPath,
  type TomlDocument,
  type TomlTable,
  type TomlValue,
  valueAt,
} from '../manifest/toml/toml.ts';
import { installedPlace } from '../runtime/installed-places.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { lookup, resolvePath } from '../tree/resolve-path.ts';
import { type Step, type Surroundings, unchanged } from './step.ts';

export interface MountSurroundings extends Surroundings {
  /** True for what a container has although the image does not: the engine makes it. */
  readonly isMadeByEngine: (path: ImagePath) => boolean;
  /** True for what the user means to be there when a container starts: it is allowed, or trusted by its hash. */
  readonly isExpected: (path: ImagePath) => boolean;
}

/** A mount that shows what no layer has. */
export interface MissingMount {
  readonly at: ImagePath;
  readonly uri: string;
  readonly path: KeyPath;
  readonly line: number;
  readonly column: number;
}

/** With the mounts that show nothing: they are not in the document any more. */
export interface MountStep extends Step {
  readonly missing: readonly MissingMount[];
}

const mountsKey: KeyPath = ['fs', 'mounts'];

/**
 * Makes the mounts of a user's manifest show what a graminized image has. Sources in an installed Gramine are moved to where
 * the runtime is; those through a directory link to the link's target, as the files are trusted under their real names. A
 * mount of what will not be there is taken out: Gramine does not start with it.
 */
export function settleMounts(document: TomlDocument, around: MountSurroundings): MountStep {
  const list = valueAt(document.root, mountsKey);
  const mounts = isArray(list) ? list : [];
  let step: Step = unchanged(document);
  const missing: MissingMount[] = [];
  const kept: number[] = [];
  for (const [index, mount] of mounts.entries()) {
    const path: KeyPath = [...mountsKey, index];
    const source = sourceOf(mount);
    const fate = source === undefined ? { kind: 'kept' as const } : processStatus(source, around);
    if (fate.kind === 'missing') missing.push(missingMount(document, path, mount));
    else kept.push(index);
    if (fate.kind === 'moved') step = moved(step, { path, mount, source: source ?? rootPath, fate });
    if (fate.kind === 'awaited')
      step = { ...step, notes: [...step.notes, awaitedNote(document, path, mount)] };
  }
  return { ...step, document: keepElements(step.document, mountsKey, kept), missing };
}

type Fate =
  | { readonly kind: 'kept' | 'missing' | 'awaited' }
  | { readonly kind: 'moved'; readonly to: ImagePath; readonly isRuntime: boolean };

/** The directory or file of the host that a `chroot` mount shows; undefined for other mounts. */
function sourceOf(mount: TomlValue): ImagePath | undefined {
  const { type, uri } = readMount(mount) ?? {};
  return type === 'chroot' ? pathOfUri(uri) : undefined;
}

function processStatus(source: ImagePath, around: MountSurroundings): Fate {
  const { tree, runtime } = around;
  if (resolvePath(tree, source).kind === 'found') {
    const real = realSource(tree, source);
    return real === source ? { kind: 'kept' } : { kind: 'moved', to: real, isRuntime: false };
  }
  if (around.isMadeByEngine(source)) return { kind: 'kept' };
  const installed = installedPlace(runtime, source);
  if (installed !== undefined) return { kind: 'moved', to: installed, isRuntime: true };
  return { kind: around.isExpected(source) ? 'awaited' : 'missing' };
}

/** A link to a file keeps its name, which is trusted too; a directory is shown under its real one. */
function realSource(tree: FileTree, source: ImagePath): ImagePath {
  const found = resolvePath(tree, source);
  if (found.kind !== 'found' || source === rootPath) return source;
  if (found.node.kind === 'directory') return found.path;
  const parent = resolvePath(tree, parentOf(source));
  const name = parent.kind === 'found' ? childOf(parent.path, baseNameOf(source)) : source;
  return lookup(tree, name) === undefined ? source : name;
}

interface Move {
  readonly path: KeyPath;
  readonly mount: TomlValue;
  readonly source: ImagePath;
  readonly fate: { readonly to: ImagePath; readonly isRuntime: boolean };
}

function moved(step: Step, { path, mount, source, fate }: Move): Step {
  const uri = fileUri(fate.to);
  if (uri === undefined) return step;
  const document = replaceAt(step.document, [...path, 'uri'], uri);
  if (!fate.isRuntime) return { ...step, document: listUnder(document, source, fate.to) };
  if (fate.to === source) return { ...step, namesRuntime: true };
  const note = `${showPlace(document, [...path, 'uri'])}: ${uriOf(mount)} became ${uri}, where the runtime is`;
  return { ...step, document, notes: [...step.notes, note], namesRuntime: true };
}

/** Lists what is allowed or trusted under a name through a link under its real name as well: Gramine compares names as text. */
function listUnder(document: TomlDocument, from: ImagePath, to: ImagePath): TomlDocument {
  return [
    ['sgx', 'allowed_files'],
    ['sgx', 'trusted_files'],
  ].reduce((before, key) => {
    const list = valueAt(before.root, key);
    if (!isArray(list)) return before;
    const known = new Set(list.map(uriOf));
    const added = list.flatMap((entry) => {
      const renamed =
        renamedEntry(entry, from, to) ?? (key[1] === 'allowed_files' ? above(entry, from, to) : undefined);
      return renamed === undefined || known.has(uriOf(renamed)) ? [] : [renamed];
    });
    return added.length === 0 ? before : replaceAt(before, key, [...list, ...added]);
  }, document);
}

function renamedEntry(entry: TomlValue, from: ImagePath, to: ImagePath): TomlValue | undefined {
  const path = pathOfUri(entry);
  if (path === undefined || !isWithin(path, from)) return undefined;
  const uri = fileUri(imagePath(`${to}/${path.slice(from.length)}`));
  if (uri === undefined) return undefined;
  const full = uriOf(entry)?.endsWith('/') ? `${uri}/` : uri;
  return isTable(entry) ? (new Map([...entry, ['uri', full]]) as TomlTable) : full;
}

/** A directory that is allowed with all below it, and so with what is reached through the link. */
function above(entry: TomlValue, from: ImagePath, to: ImagePath): TomlValue | undefined {
  const path = pathOfUri(entry);
  return path !== undefined && isWithin(from, path) ? fileUri(to) : undefined;
}

function missingMount(document: TomlDocument, path: KeyPath, mount: TomlValue): MissingMount {
  return {
    at: readMount(mount)?.at ?? rootPath,
    uri: uriOf(mount) ?? '',
    path,
    ...document.locate(path),
  };
}

function awaitedNote(document: TomlDocument, path: KeyPath, mount: TomlValue): string {
  return `${showPlace(document, path)}: ${uriOf(mount)} is in no layer; the enclave starts only in containers that have it`;
}
