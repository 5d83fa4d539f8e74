import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileBlob } from '../../../src/image/file-blob.ts';
import type { Layer } from '../../../src/image/image.ts';

/** How much of the file stands before the blob. */
const offset = 1000;

/** The layer with its blob in the middle of a file at `path`, which holds `stored`. `onRelease` hears that it is closed. */
export function fileLayer(
  layer: Layer,
  stored: Buffer,
  path: string,
  onRelease: () => void = () => {},
): Layer {
  writeFileSync(path, Buffer.concat([Buffer.alloc(offset, 1), stored, Buffer.alloc(offset, 2)]));
  const { descriptor } = layer;
  const hold = async () => {
    const file = await open(path);
    const release = async () => {
      await file.close();
      onRelease();
    };
    return { fd: file.fd, offset, sizeBytes: stored.length, release };
  };
  return { ...layer, open: () => fileBlob({ descriptor, where: 'test', hold }) };
}
