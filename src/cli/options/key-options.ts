import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { GscError } from '../../base/error.ts';
import { type KeyEnvironment, openSigner, type Signer } from '../../index.ts';
import { readSecretFile } from '../../key/secret-file.ts';
import { parseKeyReference } from '../../tools.ts';
import type { CommandContext } from './command-context.ts';

/** The options of every command that signs: how the key is opened. */
export interface KeyOptions {
  readonly passphrase?: string;
  readonly passphraseFile?: string;
  readonly passphraseEnv?: string;
  readonly signerTimeout?: number;
}

/** How the help describes a KEY. */
export const keyHelp = 'signing key: a PEM file, a pkcs11: URI, or exec:PROGRAM ARG…';

export function addPassphraseOptions(command: Command): Command {
  return command
    .option('-p, --passphrase <text>', 'passphrase or PIN; other users see it in the list of processes')
    .option('--passphrase-file <file>', 'file with the passphrase of the key, or the PIN of the token')
    .option('--passphrase-env <name>', 'environment variable with it');
}

export function addKeyOptions(command: Command): Command {
  return addPassphraseOptions(command).addOption(
    new Option('--signer-timeout <seconds>', 'how long exec: may take; default 120').argParser(parseSeconds),
  );
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d{1,6}$/.test(text) && seconds > 0) return seconds;
  throw new GscError({
    code: 'usage',
    subject: '--signer-timeout',
    message: `expected whole seconds above zero, got ${JSON.stringify(text)}`,
    hint: 'write it as in --signer-timeout 300',
  });
}

/** What a KEY is opened with: passphrase, prompt, time limit. Warns of secrets on the command line. */
export async function keyEnvironment(
  { host, console }: CommandContext,
  options: KeyOptions,
): Promise<KeyEnvironment> {
  const { passphrase: text, passphraseFile: file, passphraseEnv: name, signerTimeout } = options;
  checkOneSource(options);
  if (text !== undefined) {
    console.warn(
      '-p shows the passphrase in the list of processes: use --passphrase-file, --passphrase-env or the prompt',
    );
  }
  const passphrase =
    file !== undefined
      ? await readSecretFile(resolve(host.workingDirectory, file), 'passphrase', console)
      : name !== undefined
        ? variable(host.environment, name)
        : text;
  const { askSecret } = host;
  return {
    host,
    reporter: console,
    ...(passphrase !== undefined && { passphrase }),
    ...(askSecret !== undefined && { askSecret }),
    ...(signerTimeout !== undefined && { timeoutMs: signerTimeout * 1000 }),
  };
}

/** Opens the KEY of a command line. */
export async function openKey(context: CommandContext, key: string, options: KeyOptions): Promise<Signer> {
  const environment = await keyEnvironment(context, options);
  const reference = parseKeyReference(key);
  if (reference.kind === 'pkcs11') warnOfPin(context, reference.uri);
  try {
    return await openSigner(reference, environment);
  } finally {
    if (Buffer.isBuffer(environment.passphrase)) environment.passphrase.fill(0);
  }
}

/** A PIN in a URI is in the list of processes, and in the history of the shell. */
export function warnOfPin({ console }: CommandContext, uri: { readonly 'pin-value'?: string }): void {
  if (uri['pin-value'] === undefined) return;
  console.warn(
    'pin-value shows the PIN in the list of processes: use pin-source, --passphrase-file or the prompt',
  );
}

function checkOneSource({ passphrase, passphraseFile, passphraseEnv }: KeyOptions): void {
  const given = Object.entries({
    '--passphrase': passphrase,
    '--passphrase-file': passphraseFile,
    '--passphrase-env': passphraseEnv,
  }).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length < 2) return;
  throw new GscError({
    code: 'usage',
    subject: given[0] ?? '',
    message: `expected one source of the passphrase, got ${given.join(' and ')}`,
    hint: 'keep one of them',
  });
}

function variable(environment: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = environment[name];
  if (value !== undefined && value !== '') return value;
  throw new GscError({
    code: 'usage',
    subject: '--passphrase-env',
    message: `the environment has ${value === undefined ? 'no variable of this name' : 'an empty variable of this name'}: ${name}`,
    hint: 'export the variable; the option takes its name, not the passphrase',
  });
}
