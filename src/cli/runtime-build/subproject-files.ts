import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readError, readUserFile } from '../../base/read-file.ts';
import type { RecipeFile } from '../../runtime/recipe/recipe.ts';

/** The files directly in a directory, as files of a build's context; sorted. Throws `not-found`, `unreadable`. */
export async function readSubprojects(directory: string): Promise<readonly RecipeFile[]> {
  const what = 'directory of subprojects';
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const names = entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
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
