import { resolve } from 'node:path';
import { readUserFile } from '../../base/read-file.ts';
import type { CommandLineHost } from '../terminal/console.ts';

/** The bytes of a file argument; `-` is standard input. */
export async function readInput(host: CommandLineHost, file: string, what: string): Promise<Buffer> {
  if (file !== '-') return readUserFile(resolve(host.workingDirectory, file), what);
  const pieces: Buffer[] = [];
  for await (const piece of host.stdin) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}
