import { resolve } from 'node:path';
import { readUserFile } from '../../base/read-file.ts';
import type { World } from '../console.ts';

/** The bytes of a file argument; `-` is standard input. */
export async function readInput(world: World, file: string, what: string): Promise<Buffer> {
  if (file !== '-') return readUserFile(resolve(world.workingDirectory, file), what);
  const pieces: Buffer[] = [];
  for await (const piece of world.stdin) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}
