import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { HostEnvironment } from '../../base/host-environment.ts';
import type { Candidate } from './candidate.ts';

export interface FilePlaces {
  readonly host: Pick<HostEnvironment, 'workingDirectory' | 'homeDirectory'>;
}

/** The files or directories whose names begin with what was typed; directories end with `/`, hidden ones need their dot. */
export async function completeFileName(
  typed: string,
  { host }: FilePlaces,
  wanted: 'any' | 'directories',
): Promise<readonly Candidate[]> {
  const start = typed.slice(0, typed.lastIndexOf('/') + 1);
  const name = typed.slice(start.length);
  const directory = resolve(host.workingDirectory, start.replace(/^~(?=\/)/, host.homeDirectory));
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const candidates: Candidate[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!entry.name.startsWith(name) || (entry.name.startsWith('.') && !name.startsWith('.'))) continue;
    const isDirectory = await leadsToDirectory(directory, entry);
    if (wanted === 'directories' && !isDirectory) continue;
    candidates.push({ text: `${start}${entry.name}${isDirectory ? '/' : ''}` });
  }
  return candidates;
}

async function leadsToDirectory(directory: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const target = await stat(join(directory, entry.name)).catch(() => undefined);
  return target?.isDirectory() === true;
}
