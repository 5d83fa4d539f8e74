import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';

/** A layer by its diffId; the content may be compressed. */
export interface ArchivedLayer {
  readonly diffId: string;
  readonly content: () => Promise<Buffer>;
}

export interface ArchivedImage {
  /** With a tag. */
  readonly name: string;
  readonly configBytes: Buffer;
  readonly layers: readonly ArchivedLayer[];
}

/** A layer of an uncompressed tar file. */
export async function layerOfTar(path: string): Promise<ArchivedLayer> {
  const content = await readFile(path);
  return { diffId: `sha256:${sha256(content)}`, content: async () => content };
}

/** The config of an image of such layers, as Docker writes it. */
export function configOf(run: object, layers: readonly ArchivedLayer[]): Buffer {
  const created = '2023-11-14T22:13:20Z';
  return Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created,
      config: run,
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(() => ({ created, created_by: 'test' })),
    }),
  );
}

/** Writes many images into one archive of the form that `docker load` takes, every layer once. None of it is gsc's code. */
export async function writeDockerArchive(path: string, images: readonly ArchivedImage[]): Promise<void> {
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path));
  const layers = new Map(images.flatMap((image) => image.layers).map((layer) => [layer.diffId, layer]));
  for (const { diffId, content } of layers.values())
    archive.entry({ name: layerName(diffId) }, await content());
  const configs = new Map(images.map(({ configBytes }) => [`${sha256(configBytes)}.json`, configBytes]));
  for (const [name, bytes] of configs) archive.entry({ name }, bytes);
  const manifest = images.map((image) => ({
    Config: `${sha256(image.configBytes)}.json`,
    RepoTags: [image.name],
    Layers: image.layers.map(({ diffId }) => layerName(diffId)),
  }));
  archive.entry({ name: 'manifest.json' }, JSON.stringify(manifest));
  archive.finalize();
  await written;
}

function layerName(diffId: string): string {
  return `${diffId.slice('sha256:'.length)}/layer.tar`;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
