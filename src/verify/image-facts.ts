import { type ImagePath, showBytes } from '../base/image-path.ts';
import { ownDirectoryOf } from '../image/graminized-paths.ts';
import { labels } from '../image/labels.ts';
import { sharedRunFields } from '../image/run-config-digest.ts';
import {
  isArray,
  isTable,
  type KeyPath,
  showPath,
  type TomlTable,
  type TomlValue,
} from '../manifest/toml/toml.ts';
import type { TreeNode } from '../tree/file-tree.ts';
import { walkDifferent } from '../tree/walk-tree.ts';
import { type GraminizedImage, showLayer, viewsOf } from './graminized-image.ts';
import { launchIn } from './image-launch.ts';

/** The parts in which two images are compared, in the order of the report. */
export const factKinds = [
  'signature',
  'runtime',
  'keys',
  'environment',
  'start',
  'files',
  'trusted',
] as const;

export type FactKind = (typeof factKinds)[number];

/** What is known of an image, in words by name. */
export type ImageFacts = Readonly<Record<FactKind, ReadonlyMap<string, string>>> & {
  /** Where a file comes from. */
  readonly layerOf: ReadonlyMap<string, string>;
};

/**
 * What of a graminized image is worth comparing with `other`; of several enclaves each thing by its enclave. Files and lists that both
 * have as the very same values are left out.
 */
export function factsOf(image: GraminizedImage, other: GraminizedImage): ImageFacts {
  const [runtime, files, layerOf] = [new Map(), new Map(), new Map()] as Map<string, string>[];
  const ofSignature = new Set(
    image.enclaves.flatMap((each) => [each.files.manifest, each.files.manifestSgx, each.files.sigstruct]),
  );
  const beside = new Set([
    ...launchIn(image).files.map(({ path }) => path),
    ...image.enclaves.map((each) => each.files.trustedArguments),
  ]);
  const isOwn = (path: ImagePath) => ownDirectoryOf(path) !== undefined || beside.has(path);
  const layers = image.image.layers.map((_, index) => showLayer(image.image, index));
  for (const { path, node } of walkDifferent(image.tree, other.tree)) {
    // What signing makes of the rest, or what has its own comparison.
    if (ofSignature.has(path) || node.kind === 'directory') continue;
    const name = showBytes(path);
    (isOwn(path) ? runtime : files)?.set(name, contentOf(node));
    layerOf?.set(name, layers[node.layer] ?? '');
  }
  return {
    signature: ofEnclaves(image, signatureFacts),
    runtime: new Map([...runtimeFacts(image), ...(runtime ?? [])]),
    keys: ofEnclaves(image, (view) => keysIn(view.manifest.value?.root ?? new Map())),
    environment: ofEnclaves(image, (view) => environmentIn(view.manifest.value?.root ?? new Map())),
    start: startFacts(image),
    files: files ?? new Map(),
    trusted: hasSameManifests(image, other) ? new Map() : ofEnclaves(image, trustedFacts),
    layerOf: layerOf ?? new Map(),
  };
}

function ofEnclaves(
  image: GraminizedImage,
  facts: (view: GraminizedImage) => ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const views = viewsOf(image);
  const isSeveral = views.length > 1;
  return new Map(
    views.flatMap((view) =>
      [...facts(view)].map(([key, value]) => [isSeveral ? `${view.name}: ${key}` : key, value] as const),
    ),
  );
}

function hasSameManifests({ enclaves }: GraminizedImage, other: GraminizedImage): boolean {
  const isSame = enclaves.every(
    ({ manifest }, index) => manifest.value === other.enclaves[index]?.manifest.value,
  );
  return isSame && enclaves.length === other.enclaves.length;
}

/** Their contents are compared as files. */
function trustedFacts({ manifest }: GraminizedImage): ReadonlyMap<string, string> {
  const trusted = [...(manifest.value?.names.trusted.keys() ?? [])];
  return new Map(trusted.map((path) => [showBytes(path), ''] as const));
}

function contentOf(node: Exclude<TreeNode, { kind: 'directory' }>): string {
  if (node.kind === 'file') return node.sha256;
  return node.kind === 'symlink' ? `link to ${showBytes(node.target)}` : node.type;
}

function signatureFacts({ signature, isSigned }: GraminizedImage): ReadonlyMap<string, string> {
  const signed = signature.value;
  if (signed === undefined) return new Map([['SIGSTRUCT', isSigned ? 'damaged' : 'none']]);
  return new Map([
    ['MRENCLAVE', signed.mrEnclave],
    ['MRSIGNER', signed.mrSigner],
    ['ISVPRODID', String(signed.isvProdId)],
    ['ISVSVN', String(signed.isvSvn)],
    ['debug', String(signed.isDebug)],
    ['date', signed.date],
    ['XFRM', `0x${signed.xfrm.toString(16)}`],
  ]);
}

function runtimeFacts({ labels: found }: GraminizedImage): ReadonlyMap<string, string> {
  const names = [labels.family, labels.runtimeVersion, labels.patches, labels.standIn, labels.toolVersion];
  return new Map(names.flatMap((name) => (found[name] === undefined ? [] : [[name, found[name]]])));
}

function startFacts({ image, labels: found }: GraminizedImage): ReadonlyMap<string, string> {
  const run = image.config.config ?? {};
  const fields = sharedRunFields.flatMap((name) => {
    const value = run[name];
    const isEmpty = !value || Object.keys(value).length === 0;
    return isEmpty ? [] : [[name, JSON.stringify(value)] as const];
  });
  const others = Object.entries(found).filter(([name]) => !name.startsWith('gsc.'));
  return new Map([...fields, ...others.map(([name, value]) => [`label ${name}`, value] as const)]);
}

const listed = new Set(['sgx.trusted_files', 'loader.env']);

/** Every value of a manifest by its key; mounts by their place, as their order is seldom what changes. */
function keysIn(root: TomlTable): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  const visit = (value: TomlValue, path: KeyPath): void => {
    const name = showPath(path);
    if (listed.has(name)) return;
    if (isTable(value)) for (const [key, below] of value) visit(below, [...path, key]);
    else if (isArray(value) && value.some(isTable))
      for (const item of value) keys.set(itemName(name, item), showItem(item));
    else keys.set(name, showItem(value));
  };
  visit(root, []);
  return keys;
}

function itemName(name: string, item: TomlValue): string {
  const place = isTable(item) ? (item.get('path') ?? item.get('uri')) : undefined;
  return `${name}[${typeof place === 'string' ? place : showItem(item)}]`;
}

function showItem(value: TomlValue): string {
  if (isArray(value)) return `[${value.map(showItem).join(', ')}]`;
  if (isTable(value))
    return `{${[...value].map(([key, below]) => `${key} = ${showItem(below)}`).join(', ')}}`;
  if (typeof value === 'object') return value.text;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function environmentIn(root: TomlTable): ReadonlyMap<string, string> {
  const loader = root.get('loader');
  const table = isTable(loader) ? loader.get('env') : undefined;
  return new Map(isTable(table) ? [...table].map(([name, value]) => [name, showItem(value)] as const) : []);
}
