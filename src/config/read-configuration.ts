import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { HostEnvironment } from '../base/host-environment.ts';
import { readUserFile } from '../base/read-file.ts';
import type { Configuration } from './configuration.ts';

/** Looked for in the working directory, in this order; the first that is there counts. */
export const defaultFiles = ['config.yaml', 'config.yml', 'config.json'];

/**
 * Reads the configuration that the user names, else one of {@link defaultFiles} if there is one. Throws a `config` error
 * with line and column, `not-found` for a named file that is not there.
 */
export async function readConfiguration(
  host: Pick<HostEnvironment, 'workingDirectory'>,
  file: string | undefined,
): Promise<Configuration> {
  const { workingDirectory } = host;
  const found = file ?? defaultFiles.find((name) => existsSync(resolve(workingDirectory, name)));
  if (found === undefined) return { file: undefined, directory: workingDirectory, settings: new Map() };
  // Most have no configuration, and a parser of YAML takes a while to load.
  const { parseSettings } = await import('./parse-configuration.ts');
  const path = resolve(workingDirectory, found);
  const content = await readUserFile(path, 'configuration');
  return { file: found, directory: dirname(path), settings: parseSettings(content.toString('utf8'), found) };
}
