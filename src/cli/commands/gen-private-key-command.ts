import { lstat, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileExists, writeError, writeFileAtomically } from '../../base/atomic-file.ts';
import { generatePrivateKey, mrSignerOf, pemSigner } from '../../tools.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { defaultKeyPath } from '../options/key-place.ts';

export const addGenPrivateKey: AddCommand = (program, act) => {
  program
    .command('gen-private-key')
    .summary('make a signing key')
    .description(
      'Makes a signing key for SGX: RSA-3072 with exponent 3, PEM, mode 0600. Never overwrites a file.',
    )
    .argument(
      '[FILE]',
      "the key's file; default: where Gramine's tools look, ~/.config/gramine/enclave-key.pem",
    )
    .action(act(genPrivateKey));
};

async function genPrivateKey(
  { host, console, isJson }: CommandContext,
  _options: CommonOptions,
  file?: string,
): Promise<number> {
  const path = resolve(host.workingDirectory, file ?? defaultKeyPath(host));
  if (file === undefined) await makeParent(path);
  await refuseExisting(path);
  const pem = await generatePrivateKey();
  await writeFileAtomically(path, pem, { mode: 0o600, existing: 'refuse' });
  const signer = pemSigner(Buffer.from(pem), { subject: path });
  const mrSigner = mrSignerOf(Buffer.from(signer.modulus).reverse());
  console.say(`a new RSA-3072 key with exponent 3; MRSIGNER ${mrSigner}`);
  console.result(isJson ? `${JSON.stringify({ file: path, mr_signer: mrSigner })}\n` : `${path}\n`);
  return 0;
}

/** Tells at once what the writing would tell after the search for primes, which takes seconds. */
async function refuseExisting(path: string): Promise<void> {
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw fileExists(path);
}

async function makeParent(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw writeError(path, error);
  }
}
