import { lstat, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileExists, writeError, writeFileAtomically } from '../../base/atomic-file.ts';
import { GscError } from '../../base/error.ts';
import type { KeyReference } from '../../index.ts';
import {
  generatePrivateKey,
  generateTokenKey,
  mrSignerOf,
  parseKeyReference,
  pemSigner,
} from '../../tools.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { addPassphraseOptions, type KeyOptions, keyEnvironment, warnOfPin } from '../options/key-options.ts';
import { defaultKeyPath } from '../options/key-place.ts';

interface Options extends CommonOptions, KeyOptions {
  readonly test?: boolean;
}

export const addGenPrivateKey: AddCommand = (program, act) => {
  const command = program
    .command('gen-private-key')
    .summary('make a signing key')
    .description(
      'Makes a signing key for SGX, RSA-3072 with exponent 3: a PEM file with mode 0600, or a key on a PKCS#11 token that cannot be read out. Never overwrites one.',
    )
    .argument(
      '[FILE]',
      "the key's file, or a pkcs11: URI; default: where Gramine's tools look, ~/.config/gramine/enclave-key.pem",
    )
    .option('--test', 'a key for tests: the file says so, and it signs debug enclaves')
    .action(act(genPrivateKey));
  addPassphraseOptions(command);
};

async function genPrivateKey(context: CommandContext, options: Options, file?: string): Promise<number> {
  const reference = file === undefined ? undefined : parseKeyReference(file);
  switch (reference?.kind) {
    case 'pkcs11':
      return makeOnToken(context, options, reference);
    case 'exec':
      throw new GscError({
        code: 'usage',
        subject: 'FILE',
        message: 'expected a file or a pkcs11: URI, got exec:',
        hint: 'let the program, or the service that it speaks to, make its key: RSA-3072 with exponent 3',
      });
    default:
      return makeFile(context, options, file);
  }
}

async function makeFile(
  { host, console, isJson }: CommandContext,
  options: Options,
  file: string | undefined,
): Promise<number> {
  checkNoSecret(options);
  const path = resolve(host.workingDirectory, file ?? defaultKeyPath(host));
  if (file === undefined) await makeParent(path);
  await refuseExisting(path);
  const pem = Buffer.from(await generatePrivateKey({ isForTests: options.test === true }));
  try {
    await writeFileAtomically(path, pem, { mode: 0o600, existing: 'refuse' });
    const signer = pemSigner(pem, { subject: path });
    const mrSigner = mrSignerOf(Buffer.from(signer.modulus).reverse());
    console.say(
      `a new RSA-3072 key with exponent 3${options.test ? ' for tests' : ''}; MRSIGNER ${mrSigner}`,
    );
    console.result(isJson ? `${JSON.stringify({ file: path, mr_signer: mrSigner })}\n` : `${path}\n`);
  } finally {
    pem.fill(0);
  }
  return 0;
}

async function makeOnToken(
  context: CommandContext,
  options: Options,
  { uri }: KeyReference & { readonly kind: 'pkcs11' },
): Promise<number> {
  const { console, isJson } = context;
  if (options.test) throw noTestKeyOnToken();
  warnOfPin(context, uri);
  const made = await generateTokenKey(uri, await keyEnvironment(context, options));
  const { mrSigner } = made;
  console.say(`a new RSA-3072 key with exponent 3 on the token; MRSIGNER ${mrSigner}`);
  console.result(isJson ? `${JSON.stringify({ uri: made.uri, mr_signer: mrSigner })}\n` : `${made.uri}\n`);
  return 0;
}

/** A new file is not encrypted: who gives a passphrase expects that it is. */
function checkNoSecret({ passphrase, passphraseFile, passphraseEnv }: Options): void {
  if ((passphrase ?? passphraseFile ?? passphraseEnv) === undefined) return;
  throw new GscError({
    code: 'usage',
    subject: '--passphrase',
    message: 'it is the PIN of a token; a key file is written without a passphrase',
    hint: 'encrypt the file afterwards: openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out ENCRYPTED',
  });
}

function noTestKeyOnToken(): GscError {
  return new GscError({
    code: 'usage',
    subject: '--test',
    message: 'a token cannot say that its key is for tests',
    hint: 'make a file: gsc gen-private-key --test FILE',
  });
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
