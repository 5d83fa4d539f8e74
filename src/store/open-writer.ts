import type { ImageWriter, OpenWriterOptions } from '../image/image-writer.ts';
import { openArchiveWriter } from './archive/archive-writer.ts';
import { openLayoutWriter } from './layout/layout-writer.ts';
import type { FileReference } from './open-image.ts';

/**
 * Opens a writer for an image in a directory or file. What is there already stays as it is until the commit. Throws
 * `not-found` or `unwritable` if nothing can be written there.
 */
export function openWriter(reference: FileReference, options: OpenWriterOptions = {}): Promise<ImageWriter> {
  switch (reference.kind) {
    case 'oci':
      return openLayoutWriter(reference, options);
    case 'oci-archive':
    case 'docker-archive':
      return openArchiveWriter(reference, options);
  }
}
