import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The path of a program on PATH, or undefined. */
export async function findProgram(
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  for (const directory of (environment.PATH ?? '').split(':').filter((entry) => entry.startsWith('/'))) {
    const path = join(directory, name);
    const status = await stat(path).catch(() => undefined);
    const isExecutable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (status?.isFile() && isExecutable) return path;
  }
  return undefined;
}
