import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemErrorCode } from '../base/error.ts';
import { digestOfValue } from '../base/value-digest.ts';
import { filesNamedBy } from './file-options.ts';
import type { FleetEntry } from './fleet-file.ts';

/** Found where no `--config` names another one. */
const defaultConfigurations = ['config.yaml', 'config.json'];

/**
 * A digest of what an entry's result is made from, but the app image: gsc itself, the words, and the files that they name. Files
 * count by content; of directories (a runtime) the names, sizes, modes and times of what is in them. `directory` is what paths are
 * relative to, `more` what is the same for all entries: the key, the date.
 */
export async function inputsDigest(
  { manifests, options }: FleetEntry,
  directory: string,
  more: unknown,
): Promise<string> {
  const named = [...manifests, ...filesNamedBy(options).map(({ path }) => path), ...defaultConfigurations];
  const files: unknown[] = [];
  for (const path of named) files.push([path, await fingerprint(resolve(directory, path))]);
  return digestOfValue({ gsc: [__GSC_VERSION__, __GSC_BUILD__], manifests, options, files, more });
}

async function fingerprint(path: string): Promise<unknown> {
  const status = await stat(path).catch(missing);
  if (status === undefined) return 'missing';
  if (!status.isDirectory())
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  const names = (await readdir(path, { recursive: true })).sort();
  const listed: unknown[] = [];
  for (const name of names) {
    const found = await stat(join(path, name)).catch(missing);
    listed.push([name, found?.size, found?.mode, found?.mtimeMs]);
  }
  return listed;
}

/** What cannot be read is the build's to complain of. */
function missing(error: unknown): undefined {
  if (systemErrorCode(error) === undefined) throw error;
  return undefined;
}
