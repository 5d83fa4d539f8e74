import { GscError } from '../base/error.ts';
import type { ImageWriter, OpenWriterOptions } from '../image/image-writer.ts';
import { showReference } from '../reference/image-reference.ts';
import { openArchiveWriter } from './archive/archive-writer.ts';
import { openLayoutWriter } from './layout/layout-writer.ts';
import type { FileReference } from './open-image.ts';

/**
 * Opens a writer for an image in a directory or file. What exists already stays as it is until the commit. Throws
 * `not-found` or `unwritable` if nothing can be written there, `usage` for a name by digest.
 */
export async function openWriter(
  reference: FileReference,
  options: OpenWriterOptions = {},
): Promise<ImageWriter> {
  if (reference.digest !== undefined) throw digestOfResult(reference);
  switch (reference.kind) {
    case 'oci':
      return openLayoutWriter(reference, options);
    case 'oci-archive':
    case 'docker-archive':
      return openArchiveWriter(reference, options);
  }
}

function digestOfResult(reference: FileReference): GscError {
  return new GscError({
    code: 'usage',
    subject: showReference(reference),
    message: 'the result cannot be stored under a digest: it follows from the content',
    hint: 'leave the @DIGEST out',
  });
}
