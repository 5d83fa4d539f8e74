import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatePrivateKey } from '../../../src/key/generate-private-key.ts';
import { cachedDirectory, fingerprintOf } from '../images/cache.ts';

/** The file of a signing key that tests share: it is kept, since the search for its primes takes a second. */
export async function testKey(): Promise<string> {
  const key = fingerprintOf(['src/key/generate-private-key.ts', 'test/support/signature/test-key.ts']);
  const directory = await cachedDirectory('signing-key', { key }, async (unfinished) => {
    await writeFile(join(unfinished, 'key.pem'), await generatePrivateKey(), { mode: 0o600 });
  });
  return join(directory, 'key.pem');
}
