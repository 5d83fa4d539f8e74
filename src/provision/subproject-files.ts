import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GscError } from '../base/error.ts';
import { readError, readUserFile } from '../base/read-file.ts';
import type { RecipeFile } from '../runtime/recipe/recipe.ts';

/**
 * The files directly in a directory, as files of a build's workspace; sorted. Throws `not-found`, `unreadable`, and `config`
 * for one without any: the build would download all that it was meant to find there.
 */
export async function readSubprojects(directory: string): Promise<readonly RecipeFile[]> {
  const what = 'directory of subprojects';
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const names = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
    const isCheckout = entries.some((entry) => entry.isDirectory() && entry.name === 'packagecache');
    if (names.length === 0 || isCheckout) throw withoutArchives(directory);
    const files: RecipeFile[] = [];
    for (const name of names.sort()) {
      const content = await readUserFile(join(directory, name), 'subproject');
      files.push({ path: `subprojects/${name}`, mode: 0o644, content });
    }
    return files;
  } catch (error) {
    throw readError(directory, what, error);
  }
}

function withoutArchives(directory: string): GscError {
  return new GscError({
    code: 'config',
    subject: directory,
    message: 'expected a directory with the archives of subprojects, got one without any directly in it',
    hint: 'name the directory that has the archives themselves: in a checkout of Gramine that is subprojects/packagecache',
  });
}
