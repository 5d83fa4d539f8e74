import { resolve } from 'node:path';
import { readPrivateEvidenceKey, readPublicEvidenceKey } from '../../attest.ts';
import { readUserFile } from '../../base/read-file.ts';
import type { EvidenceKey } from '../../index.ts';
import type { CommandLineHost } from '../terminal/console.ts';

/** Reads the key of `--evidence-key` that signs. Throws `not-found`, `unreadable` or `key`. */
export async function privateEvidenceKey(host: CommandLineHost, file: string): Promise<EvidenceKey> {
  return readPrivateEvidenceKey(await read(host, file), file);
}

/** Reads the key of `--evidence-key` that verifies: a private one gives its public half. */
export async function publicEvidenceKey(host: CommandLineHost, file: string): Promise<EvidenceKey> {
  return readPublicEvidenceKey(await read(host, file), file);
}

function read(host: CommandLineHost, file: string): Promise<Buffer> {
  return readUserFile(resolve(host.workingDirectory, file), 'evidence key');
}
