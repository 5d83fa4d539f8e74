import { join } from 'node:path';
import { GscError } from '../base/error.ts';
import { namesInDirectory, readUserFile } from '../base/read-file.ts';
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
    const name = (await namesInDirectory(wish.directory)).find((each) => wish.file.test(each));
    if (name === undefined) throw notEntitled(wish, distribution);
    secrets.set(wish.id, await readUserFile(join(wish.directory, name), 'file of the subscription'));
  }
  return secrets;
}

function notEntitled({ directory, file }: SecretWish, distribution: string): GscError {
  return new GscError({
    code: 'not-found',
    subject: distribution,
    message: `its packages need this machine's subscription: expected a file ${join(directory, file.source.replace(/[\\^$]/g, ''))}, got none`,
    hint: 'build on a registered machine, or take another Distro, for example quay.io/centos/centos:stream9',
  });
}
