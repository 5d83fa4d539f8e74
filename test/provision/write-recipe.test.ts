import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeRecipe } from '../../src/provision/write-recipe.ts';
import { makeRecipe } from '../../src/runtime/recipe/make-recipe.ts';
import { archive, orderOn, textOf } from '../support/runtime/recipe/orders.ts';
import { scratchDirectory } from '../support/store/scratch.ts';

const recipe = makeRecipe(orderOn('debian:12', { subprojects: [archive] }));
const other = makeRecipe(orderOn('debian:13'));
const kindly = { isForced: false };

describe('a recipe as a directory', () => {
  test('has the files of the context, in folders that are made', async () => {
    const parent = scratchDirectory();
    const directory = join(parent, 'build/gsc-x');
    expect(await writeRecipe(recipe, directory, kindly)).toBe('written');
    expect(readFileSync(join(directory, 'Dockerfile'), 'utf8')).toBe(textOf(recipe.files, 'Dockerfile'));
    expect(readFileSync(join(directory, 'subprojects/glibc.tar.gz'), 'utf8')).toBe('archive');
    expect(statSync(join(directory, 'collect-runtime.sh')).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(parent, 'build'))).toEqual(['gsc-x']);
  });

  test('that exists already is left alone', async () => {
    const directory = join(scratchDirectory(), 'x');
    await writeRecipe(recipe, directory, kindly);
    writeFileSync(join(directory, 'notes'), 'mine');
    expect(await writeRecipe(recipe, directory, kindly)).toBe('unchanged');
    expect(readFileSync(join(directory, 'notes'), 'utf8')).toBe('mine');
  });

  test('takes the place of an empty directory', async () => {
    const directory = join(scratchDirectory(), 'x');
    mkdirSync(directory);
    expect(await writeRecipe(recipe, directory, kindly)).toBe('written');
  });

  test('does not take the place of another, or of a file, and loses nothing', async () => {
    const parent = scratchDirectory();
    const directory = join(parent, 'x');
    await writeRecipe(other, directory, kindly);
    await expect(writeRecipe(recipe, directory, kindly)).rejects.toMatchObject({
      code: 'exists',
      subject: directory,
    });
    expect(readFileSync(join(directory, 'Dockerfile'), 'utf8')).toBe(textOf(other.files, 'Dockerfile'));
    writeFileSync(join(parent, 'file'), 'mine');
    await expect(writeRecipe(recipe, join(parent, 'file'), kindly)).rejects.toMatchObject({ code: 'exists' });
    expect(readFileSync(join(parent, 'file'), 'utf8')).toBe('mine');
    expect(readdirSync(parent).sort()).toEqual(['file', 'x']);
  });

  test('is not the same with an archive that the recipe no longer has: the build would copy it', async () => {
    const directory = join(scratchDirectory(), 'x');
    await writeRecipe(recipe, directory, kindly);
    writeFileSync(join(directory, 'subprojects/old.tar.gz'), 'old');
    await expect(writeRecipe(recipe, directory, kindly)).rejects.toMatchObject({
      code: 'exists',
      hint: expect.stringContaining('--force'),
    });
    expect(await writeRecipe(recipe, directory, { isForced: true })).toBe('written');
    expect(readdirSync(join(directory, 'subprojects'))).toEqual(['glibc.tar.gz']);
  });

  test('never takes the place of what is not a recipe, forced or not', async () => {
    const directory = join(scratchDirectory(), 'work');
    mkdirSync(directory);
    for (const name of ['thesis', 'Dockerfile']) {
      writeFileSync(join(directory, name), 'FROM mine');
      await expect(writeRecipe(recipe, directory, { isForced: true })).rejects.toMatchObject({
        code: 'exists',
        hint: expect.not.stringContaining('--force'),
      });
    }
    expect(readdirSync(directory).sort()).toEqual(['Dockerfile', 'thesis']);
  });

  test('takes the place of another where it is forced, whole', async () => {
    const parent = scratchDirectory();
    const directory = join(parent, 'x');
    await writeRecipe(recipe, directory, kindly);
    expect(await writeRecipe(other, directory, { isForced: true })).toBe('written');
    expect(existsSync(join(directory, 'subprojects'))).toBe(false);
    expect(readFileSync(join(directory, 'Dockerfile'), 'utf8')).toBe(textOf(other.files, 'Dockerfile'));
    expect(readdirSync(parent)).toEqual(['x']);
    expect(await writeRecipe(recipe, join(parent, 'new'), { isForced: true })).toBe('written');
  });
});
