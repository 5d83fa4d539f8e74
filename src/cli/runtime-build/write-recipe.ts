import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileExists, writeError } from '../../base/atomic-file.ts';
import { systemErrorCode } from '../../base/error.ts';
import type { Recipe } from '../../runtime/recipe/recipe.ts';

/**
 * Writes a build's Dockerfile and context as a directory, which appears whole or not at all. One that has the same files is
 * left as it is. Throws `exists` for one with others, unless `isForced`, and `unwritable`.
 */
export async function writeRecipe(
  recipe: Recipe,
  directory: string,
  { isForced }: { readonly isForced: boolean },
): Promise<'written' | 'unchanged'> {
  try {
    if (await holdsRecipe(recipe, directory)) return 'unchanged';
    await mkdir(dirname(directory), { recursive: true });
    const temporary = await mkdtemp(join(dirname(directory), `.${basename(directory)}.`));
    try {
      await writeFiles(recipe, temporary);
      await putInPlace(temporary, directory, isForced);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    return 'written';
  } catch (error) {
    throw writeError(directory, error);
  }
}

async function holdsRecipe({ files }: Recipe, directory: string): Promise<boolean> {
  for (const { path, content } of files) {
    const found = await readFile(join(directory, path)).catch(() => undefined);
    if (!found?.equals(content)) return false;
  }
  return true;
}

async function writeFiles({ files }: Recipe, directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const { path, mode, content } of files) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { mode });
  }
}

/** The directory that was there goes only when the new one has its place. */
async function putInPlace(temporary: string, directory: string, isForced: boolean): Promise<void> {
  const old = join(temporary, '.old');
  if (isForced) await rename(directory, old).catch(ignoreMissing);
  try {
    // An empty directory gives way; one with files does not.
    await rename(temporary, directory);
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(systemErrorCode(error) ?? ''))
      throw fileExists(directory, error);
    throw error;
  }
  await rm(join(directory, '.old'), { recursive: true, force: true });
}

function ignoreMissing(error: unknown): void {
  if (systemErrorCode(error) !== 'ENOENT') throw error;
}
