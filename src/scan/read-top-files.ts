import type { Digest } from '../base/digest.ts';
import { type ImagePath, imagePath, isWithin } from '../base/image-path.ts';
import type { ByteStream, Image, Layer } from '../image/image.ts';
import { readTar } from '../tar/read-tar.ts';
import type { TarEntry } from '../tar/tar-entry.ts';
import { openTar } from './open-tar.ts';

/**
 * The contents of files that are in an image's upper layers, without reading the lower ones: from the top down, until all
 * are found. For files that gsc itself added, whose paths go through no links. Every layer that is read is verified
 * whole. Files that no layer has, or that a whiteout hides, are missing from the result.
 */
export async function readTopFiles(
  image: Image,
  paths: readonly ImagePath[],
): Promise<ReadonlyMap<ImagePath, Buffer>> {
  const search = new Search(paths, image.name);
  for (const layer of image.layers.toReversed()) {
    if (search.isOver) break;
    await search.add(layer.diffId, (subject) => openTar(layer, subject));
  }
  return search.found;
}

/**
 * The same where no layer has to be read for it; undefined if one would have to be. `name` is the image's in messages.
 */
export async function readTarsAtHand(
  layers: readonly Pick<Layer, 'diffId' | 'tar'>[],
  paths: readonly ImagePath[],
  name: string,
): Promise<ReadonlyMap<ImagePath, Buffer> | undefined> {
  const search = new Search(paths, name);
  for (const { diffId, tar } of layers.toReversed()) {
    if (search.isOver) break;
    const bytes = await tar?.();
    if (bytes === undefined) return undefined;
    await search.add(diffId, () => streamOf(bytes));
  }
  return search.found;
}

async function* streamOf(bytes: Buffer): ByteStream {
  yield bytes;
}

/** Goes through layers, the highest first. */
class Search {
  readonly found = new Map<ImagePath, Buffer>();
  readonly #open: Set<ImagePath>;
  readonly #name: string;

  constructor(paths: readonly ImagePath[], name: string) {
    this.#open = new Set(paths);
    this.#name = name;
  }

  get isOver(): boolean {
    return this.#open.size === 0;
  }

  async add(diffId: Digest, open: (subject: string) => ByteStream): Promise<void> {
    const subject = `${this.#name}: layer ${diffId}`;
    const { contents, hidden } = await searchTar(open(subject), this.#open, subject);
    for (const [path, content] of contents) this.found.set(path, content);
    for (const path of [...contents.keys(), ...hidden]) this.#open.delete(path);
  }
}

interface LayerFindings {
  readonly contents: Map<ImagePath, Buffer>;
  readonly hidden: Set<ImagePath>;
}

async function searchTar(
  tar: ByteStream,
  wanted: ReadonlySet<ImagePath>,
  subject: string,
): Promise<LayerFindings> {
  const findings: LayerFindings = { contents: new Map(), hidden: new Set() };
  let current: { readonly path: ImagePath; readonly pieces: Buffer[] } | undefined;
  await readTar(
    tar,
    {
      entry: (entry) => {
        const path = imagePath(entry.name);
        current = entry.type === 'file' && wanted.has(path) ? { path, pieces: [] } : undefined;
        for (const hidden of hiddenBy(path, entry, wanted)) findings.hidden.add(hidden);
      },
      data: (piece) => current?.pieces.push(Buffer.from(piece)),
      end: () => {
        if (current) findings.contents.set(current.path, Buffer.concat(current.pieces));
      },
    },
    subject,
  );
  return findings;
}

/** Wanted files that an entry takes away from the layers below: a whiteout, or something else under their name or above. */
function hiddenBy(path: ImagePath, entry: TarEntry, wanted: ReadonlySet<ImagePath>): readonly ImagePath[] {
  const [, directory, removed] = /^(.*\/)\.wh\.([^/]+)$/s.exec(path) ?? [];
  const isOpaque = removed === '.wh..opq';
  if (removed === undefined && entry.type === 'directory') return wanted.has(path) ? [path] : [];
  const place =
    removed === undefined ? path : imagePath(isOpaque ? `${directory}` : `${directory}${removed}`);
  const isGiven = isOpaque || (removed === undefined && entry.type === 'file');
  return [...wanted].filter((each) => isWithin(each, place) && !(isGiven && each === place));
}
