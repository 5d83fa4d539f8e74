import type { FileHandle } from 'node:fs/promises';

/** Writes all bytes of `piece` at `offset`; one call of the system may write fewer. */
export async function writeFully(file: FileHandle, piece: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    const { bytesWritten } = await file.write(piece, done, piece.length - done, offset + done);
    done += bytesWritten;
  }
}
