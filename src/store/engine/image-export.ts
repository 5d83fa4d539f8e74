import type { FileHandle } from 'node:fs/promises';
import type { Digest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import { countedStream, silentWork, type Work } from '../../base/progress.ts';
import type { ByteStream, Image } from '../../image/image.ts';
import { collectBytes } from '../../image/verified-stream.ts';
import { readJson } from '../../json/read-json.ts';
import { object, required, text } from '../../json/shape.ts';
import { filesOfTar } from '../archive/archive-files.ts';
import { decompressToTemporaryFile } from '../archive/decompressed-file.ts';
import { openDockerImage } from '../archive/docker-archive-image.ts';
import { openOciImage } from '../layout/oci-image.ts';
import { type FileSet, readRange } from '../local/file-set.ts';
import type { Engine } from './engine.ts';
import { readText } from './engine-connection.ts';
import { failureError, refusalError } from './engine-error.ts';
import type { ImageFacts } from './image-facts.ts';

export interface ExportOptions {
  /** Where the export is kept while it is needed, as a file without a name; default `/var/tmp`. */
  readonly temporaryDirectory?: string;
  readonly signal?: AbortSignal;
  /** An export of an image of this name begins; hears how many bytes of it have arrived, as the only part. */
  readonly beginExport?: (name: string) => Work;
  /** Listens to the export of an image with these diffIds while it arrives. */
  readonly listen?: (diffIds: readonly Digest[]) => ExportListener;
}

/** Sees an export as it arrives, as a tar: so that nothing has to be read again only to be hashed. */
export interface ExportListener {
  /** True if all of these bytes lie in a layer that is being listed. */
  piece(bytes: Buffer): boolean;
  /** The export is complete, and nothing was wrong with it. True if every layer that was begun is listed. */
  end(): Promise<boolean>;
}

/** An image that was exported. It is read from a temporary file, which is gone when it is closed. */
export interface ExportedImage {
  readonly image: Image;
  close(): Promise<void>;
}

/** An Engine that fails in the middle of an export writes its error after what it has sent. Docker 20.10, image_routes.go. */
const trailingErrorBytes = 64 * 1024;

const errorShape = object({ errorDetail: required(object({ message: required(text) })) });

/**
 * Exports an image (`docker save`) and opens it. Digests are checked against the export's own documents, diffIds against
 * what the Engine said before. Throws an `engine` error if the export fails, `archive`, `image` or `blob` if it is wrong.
 */
export async function exportImage(
  engine: Engine,
  facts: ImageFacts,
  options: NamedExport,
): Promise<ExportedImage> {
  const listener = options.listen?.(facts.diffIds);
  const exported = await readExport(engine, facts, options, (piece) => {
    listener?.piece(piece);
    return true;
  });
  await listener?.end();
  return exported;
}

/**
 * As {@link exportImage}, for who needs the lists of its layers and not their bytes: those are not kept, and cannot be read. Undefined if a
 * layer could not be listed, or if something is wrong: only the whole export tells what.
 */
export async function listExport(
  engine: Engine,
  facts: ImageFacts,
  options: NamedExport & Required<Pick<ExportOptions, 'listen'>>,
): Promise<ExportedImage | undefined> {
  const listener = options.listen(facts.diffIds);
  try {
    const exported = await readExport(engine, facts, options, (piece) => !listener.piece(piece));
    if (await listener.end()) return exported;
    await exported.close();
  } catch (error) {
    if (!(error instanceof GscError) || error.code === 'aborted' || error.code === 'engine') throw error;
  }
  return undefined;
}

type NamedExport = ExportOptions & { readonly name: string };

async function readExport(
  engine: Engine,
  facts: ImageFacts,
  options: NamedExport,
  keeps: (piece: Buffer) => boolean,
): Promise<ExportedImage> {
  const { name } = options;
  const work = options.beginExport?.(name) ?? silentWork;
  const file = await decompressToTemporaryFile(countedStream(receive(engine, facts.id), work, 0), name, {
    ...options,
    keeps,
  }).finally(() => work.end());
  let files: FileSet;
  try {
    files = await filesOfTar(file, name);
  } catch (error) {
    const said = await trailingError(file);
    await file.close();
    throw said === undefined ? error : failureError(engine.subject, exporting(facts.id), said);
  }
  try {
    const image = await openExport(files);
    checkDiffIds(image, facts.diffIds);
    return { image: { ...image, name }, close: () => files.close() };
  } catch (error) {
    await files.close();
    throw error;
  }
}

async function* receive(engine: Engine, id: Digest): ByteStream {
  const purpose = exporting(id);
  const path = `/images/${id}/get`;
  const { status, body } = await engine.send({ method: 'GET', path, purpose, isTransfer: true });
  if (status !== 200) throw refusalError(engine.subject, purpose, { status, text: await readText(body) });
  yield* body;
}

function exporting(id: Digest): string {
  return `export the image ${id}`;
}

/** All Engines write a `manifest.json`, but for an image of several platforms from which none was chosen. */
async function openExport(files: FileSet): Promise<Image> {
  const isDocker = (await files.sizeOf('manifest.json')) !== undefined;
  if (!isDocker) return openOciImage(files);
  const image = await openDockerImage(files);
  const [damage] = image.warnings;
  if (damage === undefined) return image;
  // Engines name every config by its digest.
  throw new GscError({
    code: 'blob',
    subject: files.name,
    message: damage,
    hint: 'the export is damaged; try again',
  });
}

function checkDiffIds(image: Image, expected: readonly Digest[]): void {
  const found = image.layers.map((layer) => layer.diffId);
  if (found.join() === expected.join()) return;
  throw new GscError({
    code: 'image',
    subject: image.name,
    message: `the export has other layers than the Engine reported: expected ${expected.join(', ')}, got ${found.join(', ')}`,
    hint: 'pull or build the image again',
  });
}

async function trailingError(file: FileHandle): Promise<string | undefined> {
  const { size } = await file.stat();
  const start = Math.max(0, size - trailingErrorBytes);
  const tail = (await collectBytes(readRange(file, start, trailingErrorBytes))).toString('latin1');
  const json = /\{"errorDetail":.*\}\s*$/s.exec(tail)?.[0];
  // Bytes of a file may happen to look like an error.
  return json && readJson(Buffer.from(json, 'latin1'), errorShape).value?.errorDetail.message;
}
