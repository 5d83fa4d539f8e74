import { type Digest, hexOf } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import type { Descriptor } from '../../image/descriptor.ts';
import type { Layer } from '../../image/image.ts';
import { collectBytes, verifiedStream } from '../../image/verified-stream.ts';
import { type FileSet, maximalDocumentBytes, openBlob } from '../local/file-set.ts';

/** Where a layout keeps a blob. OCI image-spec, image-layout.md. */
export function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

/** A manifest, index or config of a layout, verified. Throws a `blob` error if it is missing or damaged. */
export async function readBlob(files: FileSet, descriptor: Descriptor): Promise<Buffer> {
  await checkPresence(files, descriptor);
  if (descriptor.sizeBytes > maximalDocumentBytes) {
    throw new GscError({
      code: 'image',
      subject: `${files.name}: blob ${descriptor.digest}`,
      message: `expected a document of at most ${maximalDocumentBytes} bytes, got ${descriptor.sizeBytes}`,
      hint: 'this is not an image; export it again',
    });
  }
  const stored = files.open(blobPath(descriptor.digest));
  return collectBytes(verifiedStream(stored, descriptor, files.name));
}

/** A layer of a layout. Throws a `blob` error if it is missing or has another size; its bytes are verified when read. */
export async function openLayer(files: FileSet, descriptor: Descriptor, diffId: Digest): Promise<Layer> {
  await checkPresence(files, descriptor);
  return {
    descriptor,
    diffId,
    open: () => openBlob(files, blobPath(descriptor.digest), descriptor),
  };
}

async function checkPresence(files: FileSet, descriptor: Descriptor): Promise<void> {
  const sizeBytes = await files.sizeOf(blobPath(descriptor.digest));
  if (sizeBytes === descriptor.sizeBytes) return;
  const subject = `${files.name}: blob ${descriptor.digest}`;
  if (sizeBytes !== undefined) {
    throw new GscError({
      code: 'blob',
      subject,
      message: `expected ${descriptor.sizeBytes} bytes, got ${sizeBytes}`,
      hint: 'the image is cut short or damaged; pull or export it again',
    });
  }
  const [url] = descriptor.urls ?? [];
  throw new GscError({
    code: 'blob',
    subject,
    message:
      url === undefined ? 'the blob is missing' : `the layer is not in the image, but stored at ${url}`,
    hint:
      url === undefined
        ? 'the image is incomplete; pull or export it again'
        : 'copy the image in a way that keeps such foreign layers in it',
  });
}
