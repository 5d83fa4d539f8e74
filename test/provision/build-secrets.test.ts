import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSecrets } from '../../src/provision/build-secrets.ts';
import { distributionFor } from '../../src/runtime/recipe/distribution.ts';
import { makeRecipe } from '../../src/runtime/recipe/make-recipe.ts';
import { orderOn } from '../support/runtime/recipe/orders.ts';
import { scratchDirectory } from '../support/store/scratch.ts';

const wishesOf = (name: string, directory: string) =>
  makeRecipe(orderOn(name)).secrets.map((wish) => ({ ...wish, directory }));

describe('the files of a subscription', () => {
  test('of Red Hat are the authority, a certificate and its key, whatever their number', async () => {
    const directory = scratchDirectory();
    for (const name of ['redhat-uep.pem', '8132-key.pem', '8132.pem', 'README']) {
      writeFileSync(join(directory, name), `content of ${name}`);
    }
    const secrets = await readSecrets(wishesOf('redhat/ubi9:9.4', directory), 'redhat/ubi9:9.4');
    expect(Object.fromEntries([...secrets].map(([id, content]) => [id, content.toString()]))).toEqual({
      'redhat-ca': 'content of redhat-uep.pem',
      'rhel-key': 'content of 8132-key.pem',
      'rhel-certificate': 'content of 8132.pem',
    });
  });

  test('of SUSE are the credentials and the registration', async () => {
    const directory = scratchDirectory();
    for (const name of ['SCCcredentials', 'SUSEConnect']) writeFileSync(join(directory, name), name);
    const secrets = await readSecrets(wishesOf('registry.suse.com/suse/sle15:15.4', directory), 'sle');
    expect([...secrets.keys()].sort()).toEqual(['SCCcredentials', 'SUSEConnect']);
  });

  test.each(['redhat/ubi9-minimal:9.4', 'registry.suse.com/suse/sle15:15.4'])(
    'that %s wants and the machine lacks are named',
    async (name) => {
      const image = distributionFor('gramine', name)?.image ?? '';
      for (const directory of [scratchDirectory(), join(scratchDirectory(), 'none')]) {
        await expect(readSecrets(wishesOf(name, directory), image)).rejects.toMatchObject({
          code: 'not-found',
          subject: image,
          message: expect.stringContaining(directory),
          hint: expect.stringContaining('registered machine'),
        });
      }
    },
  );

  test('are read from their usual places', () => {
    const places = ['redhat/ubi9:9.4', 'registry.suse.com/suse/sle15:15.4'].flatMap((name) =>
      makeRecipe(orderOn(name)).secrets.map(({ directory }) => directory),
    );
    expect([...new Set(places)].sort()).toEqual([
      '/etc',
      '/etc/pki/entitlement',
      '/etc/rhsm/ca',
      '/etc/zypp/credentials.d',
    ]);
  });
});
