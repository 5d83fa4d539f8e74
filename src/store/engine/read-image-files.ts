import type { ImagePath } from '../../base/image-path.ts';
import type { ImageId } from '../../reference/image-name.ts';
import { createContainer, findContainerFile, removeContainer } from './container.ts';
import type { Engine } from './engine.ts';

/** It is never started. */
const noProgram = ['/gsc-reads-files-only'];

/**
 * Single files of an image as a container of it has them, without exporting it: from one that is created, never started, and
 * removed whatever happens. Paths that go through no links, and hold no bytes that are not UTF-8; what is missing there, or no
 * regular file, is left out. Nothing proves the contents. Throws `engine` and `aborted`.
 */
export async function readImageFiles(
  engine: Engine,
  { digest }: ImageId,
  paths: readonly ImagePath[],
): Promise<ReadonlyMap<ImagePath, Buffer>> {
  const id = await createContainer(engine, {
    ...{ image: digest, environment: [], entrypoint: noProgram, securityOptions: [], ports: [] },
    network: 'none',
  });
  try {
    const found = new Map<ImagePath, Buffer>();
    for (const path of paths) {
      const pieces: Buffer[] = [];
      const isThere = await findContainerFile(engine, { id, path }, (piece) =>
        pieces.push(Buffer.from(piece)),
      );
      if (isThere) found.set(path, Buffer.concat(pieces));
    }
    return found;
  } finally {
    await removeContainer(engine, id);
  }
}
