import type { Platform } from '../image/descriptor.ts';
import type { StoredImage } from '../image/stored-image.ts';
import type {
  DockerArchiveReference,
  OciArchiveReference,
  OciLayoutReference,
} from '../reference/image-reference.ts';
import { showReference } from '../reference/image-reference.ts';
import { type ArchiveOptions, openArchive } from './archive/archive-files.ts';
import { openDockerImage } from './archive/docker-archive-image.ts';
import { openOciImage } from './layout/oci-image.ts';
import { openDirectory } from './local/directory-files.ts';
import type { FileSet } from './local/file-set.ts';

/** Images in files and directories. */
export type FileReference = OciLayoutReference | OciArchiveReference | DockerArchiveReference;

export interface OpenImageOptions extends ArchiveOptions {
  /** Which level of linux/amd64 to take of an index, `linux/amd64/v3` for example; default the plainest. */
  readonly platform?: Platform;
}

/**
 * Opens the image that a reference names, for linux/amd64. Manifest and config are verified now, layers while they are
 * read. The caller closes it. Throws `not-found`, `unreadable`, `archive`, `usage` (several images, none chosen),
 * `platform`, `image` or `blob`.
 */
export async function openImage(
  reference: FileReference,
  options: OpenImageOptions = {},
): Promise<StoredImage> {
  const name = showReference(reference);
  const files = await openFiles(reference, options);
  try {
    const image =
      reference.kind === 'docker-archive'
        ? { notes: [], ...(await openDockerImage(files, reference)) }
        : { warnings: [], ...(await openOciImage(files, { ...reference, platform: options.platform })) };
    return { ...image, name, close: () => files.close() };
  } catch (error) {
    await files.close();
    throw error;
  }
}

function openFiles(reference: FileReference, options: OpenImageOptions): Promise<FileSet> {
  const name = `${reference.kind}:${reference.path}`;
  return reference.kind === 'oci'
    ? openDirectory(reference.path, name)
    : openArchive(reference.path, name, options);
}
