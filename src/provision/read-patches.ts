import { basename, resolve } from 'node:path';
import { GscError } from '../base/error.ts';
import { nearestName } from '../base/nearest-name.ts';
import { readUserFile } from '../base/read-file.ts';
import { type Configuration, type Setting, settingOf } from '../config/configuration.ts';
import { defaultPatches, knownPatches } from '../runtime/recipe/patches/known-patches.ts';
import type { SourcePatch } from '../runtime/recipe/patches/source-patch.ts';

/**
 * What `Gramine.Patches` asks for, in its order: patches of gsc's own by their names, unified diffs by their paths. Without the
 * setting {@link defaultPatches}. Throws a `config` error with its place, `not-found`, `unreadable`.
 */
export async function readPatches(configuration: Configuration): Promise<readonly SourcePatch[]> {
  const setting = settingOf(configuration, 'Gramine.Patches');
  if (setting === undefined) return defaultPatches;
  const twice = setting.values.find((value, index) => setting.values.indexOf(value) < index);
  if (twice !== undefined) {
    throw patchError(setting, `${twice} is named twice`, 'name each patch once: it is applied once');
  }
  return Promise.all(setting.values.map((value) => readPatch(value, setting, configuration.directory)));
}

async function readPatch(value: string, setting: Setting, directory: string): Promise<SourcePatch> {
  const known = knownPatches.find(({ name }) => name === value);
  if (known) return known;
  if (!/[/.]/.test(value)) throw unknownPatch(value, setting);
  const content = await readUserFile(resolve(directory, value), 'patch');
  // git apply reads both forms of a diff; a text without either would change nothing.
  if (!/^(?:--- .*\n\+\+\+ |diff --git |GIT binary patch)/m.test(content.toString('latin1'))) {
    throw patchError(setting, `${value} is not a unified diff`, 'make it with git diff in the sources');
  }
  const name = basename(value);
  return { name, fileName: `${name.replace(/[^\w.-]/g, '-').replace(/\.(patch|diff)$/, '')}.patch`, content };
}

function unknownPatch(value: string, setting: Setting): GscError {
  const names = knownPatches.map(({ name }) => name);
  const near = nearestName(value, names);
  return patchError(
    setting,
    `unknown patch ${value}`,
    near === undefined
      ? `the patches of gsc are ${names.join(', ')}; a file is named by its path, as in ./${value}.patch`
      : `did you mean ${near}?`,
  );
}

function patchError({ place }: Setting, message: string, hint: string): GscError {
  return new GscError({ code: 'config', subject: place, message: `Gramine.Patches: ${message}`, hint });
}
