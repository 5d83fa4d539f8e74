import * as z from 'zod/mini';
import { GscError } from '../../base/error.ts';
import type { Image } from '../../image/image.ts';
import { parseJson } from '../../image/json.ts';
import { type ImageIndex, parseManifest } from '../../image/manifest.ts';
import { mediaTypes } from '../../image/media-type.ts';
import { type BlobSource, resolveIndex } from '../../image/resolve-image.ts';
import { type FileSet, readDocument } from '../local/file-set.ts';
import { openLayer, readBlob } from './oci-blobs.ts';
import { chooseEntries, namesOf } from './oci-tags.ts';

const layoutSchema = z.looseObject({ imageLayoutVersion: z.string() });

/**
 * The image for linux/amd64 in an OCI layout: the one with the tag, or the only one. Throws `archive` if this is no
 * layout, `not-found` if there is no such image, `usage` if there are several, `platform`, `blob` or `image` otherwise.
 */
export async function openOciImage(
  files: FileSet,
  tag: string | undefined,
): Promise<Image & { readonly names: readonly string[] }> {
  await checkLayoutVersion(files);
  const index = await readIndex(files);
  const entries = chooseEntries(index, tag, files.name);
  const image = await resolveIndex(blobSource(files, tag), { ...index, manifests: entries });
  return { ...image, name: files.name, names: namesOf(entries) };
}

async function readIndex(files: FileSet): Promise<ImageIndex> {
  const bytes = await readDocument(files, 'index.json');
  if (bytes === undefined) {
    throw new GscError({
      code: 'archive',
      subject: files.name,
      message: 'not an OCI layout: there is no index.json',
      hint: 'for a file of docker save say docker-archive:FILE; for a layout name its own directory',
    });
  }
  const index = parseManifest(bytes, `${files.name}: index.json`, mediaTypes.ociIndex);
  if (index.kind === 'index') return index;
  throw new GscError({
    code: 'image',
    subject: `${files.name}: index.json`,
    message: 'expected an image index, got a manifest',
    hint: 'export the image again',
  });
}

async function checkLayoutVersion(files: FileSet): Promise<void> {
  const bytes = await readDocument(files, 'oci-layout');
  if (bytes === undefined) return;
  const subject = `${files.name}: oci-layout`;
  const parsed = layoutSchema.safeParse(parseJson(bytes, subject, 'layout version'));
  if (parsed.success && /^1\./.test(parsed.data.imageLayoutVersion)) return;
  throw new GscError({
    code: 'archive',
    subject,
    message: `expected the layout version 1.0.0, got ${parsed.success ? parsed.data.imageLayoutVersion : 'none'}`,
    hint: 'export the image again with a current docker, podman or skopeo',
  });
}

/** The blobs of a layout; messages name the layout, and the tag if there is one. */
function blobSource(files: FileSet, tag: string | undefined): BlobSource {
  return {
    name: tag === undefined ? files.name : `${files.name}, image ${tag}`,
    readManifest: (descriptor) => readBlob(files, descriptor),
    readConfig: (descriptor) => readBlob(files, descriptor),
    openLayer: (descriptor, diffId) => openLayer(files, descriptor, diffId),
  };
}
