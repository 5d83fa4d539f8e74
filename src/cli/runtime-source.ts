import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GscError } from '../base/error.ts';
import { type ImagePath, imagePath } from '../base/image-path.ts';
import { collectBytes } from '../image/verified-stream.ts';
import { labels } from '../labels.ts';
import { parseReference } from '../reference/image-reference.ts';
import { findRuntime } from '../runtime/find-runtime.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { parseRuntimeVersion, type RuntimeVersion } from '../runtime/version.ts';
import { readFiles } from '../scan/read-files.ts';
import { scanImage } from '../scan/scan-image.ts';
import { scanRootDirectory } from '../scan/scan-root-directory.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { mergeLayers } from '../tree/merge-layers.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import type { CommandContext } from './program.ts';

export interface RuntimeChoice {
  /** An image reference or a directory. */
  readonly source: string | undefined;
  /** What the user says the version is. */
  readonly version: RuntimeVersion | undefined;
}

/** Finds the Gramine runtime that the user chose. What the cache has of an image is not read again. */
export async function openRuntime(context: CommandContext, choice: RuntimeChoice): Promise<Runtime> {
  const { source, version } = choice;
  if (source === undefined || source === '') {
    throw new GscError({
      code: 'usage',
      subject: '--runtime',
      message: 'no Gramine runtime is given',
      hint: 'name an image or a directory that holds Gramine, with --runtime or as Gramine.Image in config.yaml',
    });
  }
  const directory = resolve(context.world.workingDirectory, source);
  const kind = await kindOfPath(directory);
  if (kind === 'directory') return runtimeInDirectory(directory, source, version);
  if (kind === 'missing' && !/^\.{0,2}\//.test(source)) return runtimeInImage(context, source, version);
  throw new GscError({
    code: kind === 'missing' ? 'not-found' : 'usage',
    subject: `--runtime ${source}`,
    message: `expected a directory that holds Gramine, got ${kind === 'missing' ? 'nothing there' : 'a file'}`,
    hint: 'check the path; an image in a file is named oci-archive:FILE or docker-archive:FILE',
  });
}

async function runtimeInDirectory(
  directory: string,
  subject: string,
  version?: RuntimeVersion,
): Promise<Runtime> {
  const root = await scanRootDirectory(directory);
  const tree = mergeLayers([root.entries]);
  const read = async (paths: readonly ImagePath[]) => {
    const contents = new Map<ImagePath, Buffer>();
    for (const path of paths) contents.set(path, await collectBytes(root.open(realPath(tree, path))));
    return contents;
  };
  return findRuntime(tree, read, { subject, ...(version && { version }) });
}

async function runtimeInImage(
  { world, stores, cache }: CommandContext,
  subject: string,
  given?: RuntimeVersion,
): Promise<Runtime> {
  const { image } = await stores.open(parseReference(subject));
  const { tree } = await scanImage(image, { ...cache.forScan, signal: world.signal });
  const label = image.config.config?.Labels?.[labels.runtimeVersion];
  const version = given ?? (label === undefined ? undefined : parseRuntimeVersion(label));
  return findRuntime(tree, (paths) => readFiles(image, tree, paths, cache.forFiles), {
    subject,
    ...(version && { version }),
  });
}

function realPath(tree: FileTree, path: ImagePath): ImagePath {
  const found = resolvePath(tree, path);
  return found.kind === 'found' ? found.path : imagePath(path);
}

async function kindOfPath(path: string): Promise<'directory' | 'file' | 'missing'> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) return 'missing';
  return status.isDirectory() ? 'directory' : 'file';
}
