import { open } from 'node:fs/promises';

/** Brings a directory's new names to the disk. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
