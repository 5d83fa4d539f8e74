import type { Digest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import type { Descriptor, Platform } from '../../image/descriptor.ts';
import { readImageJson } from '../../image/image-json.ts';
import { type ImageIndex, parseManifest } from '../../image/manifest.ts';
import { mediaTypes } from '../../image/media-type.ts';
import {
  type BlobSource,
  type ResolvedImage,
  resolveDocument,
  resolveEntries,
  withoutArtifacts,
} from '../../image/resolve-image.ts';
import { object, required, text } from '../../json/shape.ts';
import { type FileSet, readDocument } from '../local/file-set.ts';
import { blobPath, openLayer, readBlob } from './oci-blobs.ts';
import { chooseEntries, namesOf } from './oci-tags.ts';

const layoutShape = object({ imageLayoutVersion: required(text) });

/** Which image of a layout is meant. */
export interface WantedOciImage {
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
  readonly platform?: Platform | undefined;
}

/**
 * The image for linux/amd64 in an OCI layout: the one with the digest or the tag, or the only one. Throws `archive` if this
 * is not a layout, `not-found` if there is no such image, `usage` if there are several, `platform`, `blob` or `image` otherwise.
 */
export async function openOciImage(
  files: FileSet,
  wanted: WantedOciImage = {},
): Promise<ResolvedImage & { readonly names: readonly string[] }> {
  await checkLayoutVersion(files);
  const { manifests } = await readIndex(files);
  const source = blobSource(files, wanted);
  const { tag, digest } = wanted;
  const entries =
    digest === undefined
      ? await chooseEntries(manifests, { tag, subject: files.name, withoutArtifacts: imagesOf(source) })
      : manifests.filter((entry) => entry.digest === digest);
  const image =
    digest !== undefined && entries.length === 0
      ? await openUnlisted(source, files, digest)
      : await resolveEntries(source, entries);
  return { ...image, name: files.name, names: namesOf(entries) };
}

/** The tags and names of the images in an OCI layout. Throws `archive` if this is not a layout, `image` for a wrong index. */
export async function layoutNames(files: FileSet): Promise<readonly string[]> {
  return namesOf((await readIndex(files)).manifests);
}

/** The index lists only what is outermost: a manifest inside another index is found by its blob. */
async function openUnlisted(source: BlobSource, files: FileSet, digest: Digest): Promise<ResolvedImage> {
  const sizeBytes = await files.sizeOf(blobPath(digest));
  if (sizeBytes !== undefined) {
    const descriptor = { mediaType: '', digest, sizeBytes };
    return resolveDocument(source, descriptor, await source.readManifest(descriptor));
  }
  throw new GscError({
    code: 'not-found',
    subject: files.name,
    message: `no image with the digest ${digest}`,
    hint: 'take the digest of a manifest, as skopeo inspect prints it; an image ID is that of a config',
  });
}

function imagesOf(source: BlobSource) {
  return (entries: readonly Descriptor[]) => withoutArtifacts(source, entries);
}

async function readIndex(files: FileSet): Promise<ImageIndex> {
  const bytes = await readDocument(files, 'index.json');
  if (bytes === undefined) {
    throw new GscError({
      code: 'archive',
      subject: files.name,
      message: 'not an OCI layout: there is no index.json',
      hint: 'for a file of docker save use docker-archive:FILE; for a layout name its own directory',
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
  const hint = 'export the image again with a current docker, podman or skopeo';
  const { imageLayoutVersion: version } = readImageJson(bytes, layoutShape, {
    subject,
    what: 'layout version',
    hint,
  });
  if (/^1\./.test(version)) return;
  throw new GscError({
    code: 'archive',
    subject,
    message: `expected the layout version 1.0.0, got ${version}`,
    hint,
  });
}

/** The blobs of a layout; messages name the layout, and the tag or digest if there is one. */
function blobSource(files: FileSet, { tag, digest, platform }: WantedOciImage): BlobSource {
  const chosen = digest ?? tag;
  return {
    name: chosen === undefined ? files.name : `${files.name}, image ${chosen}`,
    platform,
    readManifest: (descriptor) => readBlob(files, descriptor),
    readConfig: (descriptor) => readBlob(files, descriptor),
    openLayer: (descriptor, diffId) => openLayer(files, descriptor, diffId),
  };
}
