import { createHash, hash } from 'node:crypto';
import { GscError } from '../base/error.ts';
import { type ImagePath, showBytes } from '../base/image-path.ts';
import type { Image, Layer } from '../image/image.ts';
import { readTar } from '../tar/read-tar.ts';
import type { TarEntry, TarVisitor } from '../tar/tar-entry.ts';
import type { FileNode, FileTree } from '../tree/file-tree.ts';
import { resolvePath, showFailure } from '../tree/resolve-path.ts';
import { openTar } from './open-tar.ts';

/** Where contents of files that were read before are kept, by their SHA-256 (64 hex digits). */
export interface FileContentStore {
  load(sha256: string): Promise<Buffer | undefined>;
  save(sha256: string, content: Buffer): Promise<void>;
}

export interface ReadFilesOptions {
  /** How much all files together may hold; 512 MiB by default. */
  readonly limitBytes?: number;
  readonly contents?: FileContentStore;
}

const defaultLimitBytes = 512 * 1024 * 1024;

/**
 * The contents of chosen files of an image, links followed, keyed by the paths as given: a few as the image's place has them, if it
 * can. Else each layer that holds one of them is read once, and no further than needed. Contents are checked against the tree's SHA-256. Throws a `not-found`
 * error for a path that names no regular file, a `blob` error if a layer no longer has the content.
 */
export async function readFiles(
  image: Image,
  tree: FileTree,
  paths: readonly ImagePath[],
  options: ReadFilesOptions = {},
): Promise<ReadonlyMap<ImagePath, Buffer>> {
  const files = new Map(paths.map((path) => [path, fileAt(image.name, tree, path)]));
  const nodes = new Map([...files].map(([path, { node }]) => [path, node]));
  checkSizes(image.name, [...nodes.values()], options.limitBytes ?? defaultLimitBytes);
  const contents = await loadContents([...nodes.values()], options.contents);
  const loaded = new Set(contents.keys());
  await readSingly(image, [...files.values()], contents);
  for (const [number, layer] of image.layers.entries()) {
    const inLayer = [...nodes.values()].filter((node) => node.layer === number);
    if (inLayer.some((node) => !contents.has(node.sha256))) {
      await readLayer(layer, inLayer, contents, image.name);
    }
  }
  const found = new Map([...nodes].map(([path, node]) => [path, contentOf(contents, image, path, node)]));
  for (const [sha256, content] of contents) {
    if (!loaded.has(sha256)) await options.contents?.save(sha256, content);
  }
  return found;
}

/** What the store has of the files, each content checked against its hash. */
async function loadContents(
  nodes: readonly FileNode[],
  store: FileContentStore | undefined,
): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  for (const sha256 of store ? new Set(nodes.map((node) => node.sha256)) : []) {
    const content = await store?.load(sha256);
    if (content && hash('sha256', content, 'hex') === sha256) contents.set(sha256, content);
  }
  return contents;
}

interface FoundFile {
  /** No component of it is a link. */
  readonly path: ImagePath;
  readonly node: FileNode;
}

/** Each one costs an Engine some 50 ms; of more, an export is soon quicker. */
const maximalSingleFiles = 8;

/** Adds what the place of the image gives without its layers, where that has the right hash. */
async function readSingly(
  image: Image,
  files: readonly FoundFile[],
  contents: Map<string, Buffer>,
): Promise<void> {
  const missing = new Map(
    files.filter(({ node }) => !contents.has(node.sha256)).map(({ path, node }) => [path, node]),
  );
  if (missing.size === 0 || missing.size > maximalSingleFiles) return;
  const given = (await image.readSingleFiles?.([...missing.keys()])) ?? [];
  for (const [path, content] of given) {
    const sha256 = missing.get(path)?.sha256;
    if (sha256 === hash('sha256', content, 'hex')) contents.set(sha256, content);
  }
}

function fileAt(subject: string, tree: FileTree, path: ImagePath): FoundFile {
  const found = resolvePath(tree, path);
  if (found.kind === 'found' && found.node.kind === 'file') return { path: found.path, node: found.node };
  const reason = found.kind === 'found' ? `it is a ${found.node.kind}` : showFailure(found);
  throw new GscError({
    code: 'not-found',
    subject: `${subject}: ${showBytes(path)}`,
    message: `expected a file in the image: ${showBytes(reason)}`,
  });
}

function checkSizes(subject: string, nodes: readonly FileNode[], limitBytes: number): void {
  const sizes = new Map(nodes.map((node) => [node.sha256, node.sizeBytes]));
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (total <= limitBytes) return;
  throw new GscError({
    code: 'image',
    subject,
    message: `the files to read come to ${total} bytes, more than ${limitBytes}`,
  });
}

function contentOf(
  contents: ReadonlyMap<string, Buffer>,
  image: Image,
  path: ImagePath,
  node: FileNode,
): Buffer {
  const content = contents.get(node.sha256);
  if (content !== undefined) return content;
  throw new GscError({
    code: 'blob',
    subject: `${image.name}: layer ${image.layers[node.layer]?.diffId ?? node.layer + 1}`,
    message: `expected the content of ${showBytes(path)} with SHA-256 ${node.sha256}, which the layer does not hold`,
    hint: 'the layer changed since it was listed: pull or export the image again',
  });
}

/** Ends the reading of a layer whose wanted files have all been seen. */
const enough = Symbol('enough');

async function readLayer(
  layer: Layer,
  nodes: readonly FileNode[],
  contents: Map<string, Buffer>,
  name: string,
): Promise<void> {
  const subject = `${name}: layer ${layer.diffId}`;
  try {
    await readTar(openTar(layer, subject), new ContentVisitor(nodes, contents), subject);
  } catch (error) {
    if (error !== enough) throw error;
  }
}

/** Finds files by size and SHA-256, whatever their names in the tar: a layer may reach them through links. */
class ContentVisitor implements TarVisitor {
  readonly #wanted: Set<string>;
  readonly #sizes: ReadonlySet<number>;
  readonly #contents: Map<string, Buffer>;
  #pieces: Buffer[] | undefined;

  constructor(nodes: readonly FileNode[], contents: Map<string, Buffer>) {
    const missing = nodes.filter((node) => !contents.has(node.sha256));
    this.#wanted = new Set(missing.map((node) => node.sha256));
    this.#sizes = new Set(missing.map((node) => node.sizeBytes));
    this.#contents = contents;
  }

  entry(entry: TarEntry): void {
    const isCandidate = entry.type === 'file' && this.#sizes.has(entry.sizeBytes);
    this.#pieces = isCandidate ? [] : undefined;
  }

  data(piece: Buffer): void {
    this.#pieces?.push(Buffer.from(piece));
  }

  end(): void {
    if (this.#pieces === undefined) return;
    const content = Buffer.concat(this.#pieces);
    this.#pieces = undefined;
    const sha256 = createHash('sha256').update(content).digest('hex');
    if (!this.#wanted.delete(sha256)) return;
    this.#contents.set(sha256, content);
    if (this.#wanted.size === 0) throw enough;
  }
}
