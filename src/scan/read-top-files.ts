import { type ImagePath, imagePath, isWithin } from '../base/image-path.ts';
import type { Image, Layer } from '../image/image.ts';
import { decompress } from '../tar/codec/decompress.ts';
import { readTar } from '../tar/read-tar.ts';
import type { TarEntry } from '../tar/tar-entry.ts';

/**
 * The contents of files that are in an image's upper layers, without reading the lower ones: from the top down, until all
 * are found. For files that gsc itself added, whose paths go through no links. Every layer that is read is verified
 * whole. Files that no layer has, or that a whiteout hides, are missing from the result.
 */
export async function readTopFiles(
  image: Image,
  paths: readonly ImagePath[],
): Promise<ReadonlyMap<ImagePath, Buffer>> {
  const found = new Map<ImagePath, Buffer>();
  const open = new Set(paths);
  for (const layer of image.layers.toReversed()) {
    if (open.size === 0) break;
    const { contents, hidden } = await searchLayer(layer, open, image.name);
    for (const [path, content] of contents) found.set(path, content);
    for (const path of [...contents.keys(), ...hidden]) open.delete(path);
  }
  return found;
}

interface LayerFindings {
  readonly contents: Map<ImagePath, Buffer>;
  readonly hidden: Set<ImagePath>;
}

async function searchLayer(
  layer: Layer,
  wanted: ReadonlySet<ImagePath>,
  name: string,
): Promise<LayerFindings> {
  const subject = `${name}: layer ${layer.diffId}`;
  const findings: LayerFindings = { contents: new Map(), hidden: new Set() };
  let current: { readonly path: ImagePath; readonly pieces: Buffer[] } | undefined;
  await readTar(
    decompress(layer.open(), subject),
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
