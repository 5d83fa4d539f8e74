import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileExists, writeError } from '../base/atomic-file.ts';
import { GscError, systemErrorCode } from '../base/error.ts';
import { namesInDirectory } from '../base/read-file.ts';
import { isRecipeText } from '../runtime/recipe/make-recipe.ts';
import type { Recipe } from '../runtime/recipe/recipe.ts';

/**
 * Writes a build's Dockerfile and workspace as a directory, which appears whole or not at all. One that has the same files is
 * left as it is. Throws `exists` for one with others, unless `isForced` and it is a recipe too, and `unwritable`.
 */
export async function writeRecipe(
  recipe: Recipe,
  directory: string,
  { isForced }: { readonly isForced: boolean },
): Promise<'written' | 'unchanged'> {
  try {
    if (await holdsRecipe(recipe, directory)) return 'unchanged';
    await refuseOthers(directory, isForced);
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

/** Files beside the recipe's do no harm; those in a folder that the build copies whole would take part in it. */
async function holdsRecipe({ files }: Recipe, directory: string): Promise<boolean> {
  for (const folder of ['subprojects', 'patches']) {
    const wanted = files.filter(({ path }) => path.startsWith(`${folder}/`)).length;
    if ((await namesInDirectory(join(directory, folder))).length !== wanted) return false;
  }
  for (const { path, content } of files) {
    const found = await readFile(join(directory, path)).catch(() => undefined);
    if (!found?.equals(content)) return false;
  }
  return true;
}

/** What `--force` removes must be something that this program has written: the user may have named a directory of work. */
async function refuseOthers(directory: string, isForced: boolean): Promise<void> {
  if ((await namesInDirectory(directory)).length === 0) return;
  const text = await readFile(join(directory, 'Dockerfile'), 'utf8').catch(() => '');
  const isRecipe = isRecipeText(text);
  if (isForced && isRecipe) return;
  throw new GscError({
    code: 'exists',
    subject: directory,
    message: `the directory exists already, with ${isRecipe ? 'another Dockerfile of gsc' : 'something else'} in it`,
    hint: isRecipe ? 'replace it with --force, or give another one with -o' : 'give another one with -o',
  });
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
