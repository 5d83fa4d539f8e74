import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GscError, systemErrorCode } from '../base/error.ts';
import { readUserFile } from '../base/read-file.ts';
import type { SecretWish } from '../runtime/recipe/recipe.ts';

/**
 * Reads the files that let the build into the package sources of a distribution with subscriptions. Throws a `not-found`
 * error that says where they were looked for.
 */
export async function readSecrets(
  wishes: readonly SecretWish[],
  distribution: string,
): Promise<ReadonlyMap<string, Buffer>> {
  const secrets = new Map<string, Buffer>();
  for (const wish of wishes) {
    const name = (await namesIn(wish.directory)).find((each) => wish.file.test(each));
    if (name === undefined) throw notEntitled(wish, distribution);
    secrets.set(wish.id, await readUserFile(join(wish.directory, name), 'file of the subscription'));
  }
  return secrets;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return [];
    throw error;
  }
}

function notEntitled({ directory, file }: SecretWish, distribution: string): GscError {
  return new GscError({
    code: 'not-found',
    subject: distribution,
    message: `its packages need this machine's subscription: expected a file ${join(directory, file.source.replace(/[\\^$]/g, ''))}, got none`,
    hint: 'build on a registered machine, or take another Distro, for example quay.io/centos/centos:stream9',
  });
}
