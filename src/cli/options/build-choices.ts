import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { GscError } from '../../base/error.ts';
import { showBytes } from '../../base/image-path.ts';
import { readError } from '../../base/read-file.ts';
import type {
  AddedFile,
  BuildChoices,
  HostAddress,
  RaTlsChoice,
  Secret,
  SecretBrokers,
  Variable,
  Volume,
} from '../../index.ts';
import { presetNames } from '../../tools.ts';
import { readCertificateFile } from '../../x509/certificate-file.ts';
import type { CommandLineHost } from '../terminal/console.ts';
import { choiceOption } from './choice-option.ts';
import {
  type BrokerChoice,
  checkDistinct,
  type FileChoice,
  parseBroker,
  parseFile,
  parseHost,
  parseRaTls,
  parseSecret,
  parseVariable,
  parseVolume,
  parseWords,
} from './choice-values.ts';

/** The options that {@link addChoiceOptions} adds, as commander gives them. */
export interface ChoiceOptions {
  readonly volume?: readonly Volume[];
  readonly secret?: readonly Secret[];
  readonly env?: readonly Variable[];
  readonly host?: readonly HostAddress[];
  readonly file?: readonly FileChoice[];
  readonly preset?: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly ratls?: RaTlsChoice;
  readonly secretFrom?: readonly BrokerChoice[];
}

/** The options that decide about data, environment and start without a manifest. */
export function addChoiceOptions(command: Command): Command {
  return command
    .option(
      '--volume <path=use>',
      'what the enclave does with a place: tmpfs, encrypted[:KEYNAME] or allowed (repeatable)',
      listOf(parseVolume),
    )
    .option(
      '--secret <name[=path]>',
      'pass a Docker secret in, unprotected from the host (repeatable)',
      listOf(parseSecret),
    )
    .option(
      '-e, --env <name[=value]>',
      "set a variable, or pass the host's value through (repeatable)",
      listOf(parseVariable),
    )
    .option(
      '--host <name=address>',
      "add a host to the application's /etc/hosts (repeatable)",
      listOf(parseHost),
    )
    .option('--file <hostpath:path>', 'add a file to the image and trust it (repeatable)', listOf(parseFile))
    .addOption(
      choiceOption('--preset <name>', 'what a known program needs; auto: by the program', presetNames),
    )
    .option('--entrypoint <words>', "in place of the image's ENTRYPOINT and CMD", (text: string) =>
      parseWords('--entrypoint', text),
    )
    .option('--cmd <words>', "in place of the image's CMD", (text: string) => parseWords('--cmd', text))
    .option(
      '--ratls <cert=path,key=path>',
      'start by gramine-ratls, which writes a certificate for attestation and its key there',
      parseRaTls,
    )
    .option(
      '--secret-from <host:port[=ca-file]>',
      'fetch a secret by attestation before the program runs; the next one if the first is not there (repeatable)',
      listOf(parseBroker),
    );
}

/** What the options say, with the files read. Throws `usage` errors for contradictions, and what reading the files throws. */
export async function readChoices(
  { workingDirectory }: CommandLineHost,
  options: ChoiceOptions,
): Promise<BuildChoices> {
  const { volume = [], secret = [], env = [], host = [], file = [] } = options;
  const { preset, entrypoint, cmd, ratls, secretFrom = [] } = options;
  checkDistinct('--volume, --secret', [...volume, ...secret], ({ path }) => showBytes(path));
  checkDistinct('--env', env, ({ name }) => name);
  checkDistinct('--host', host, ({ name, address }) => `${name}=${address}`);
  checkDistinct('--file', file, ({ path }) => showBytes(path));
  checkDistinct('--secret-from', secretFrom, ({ server }) => server);
  const secretBrokers = await readBrokers(workingDirectory, secretFrom);
  const files: AddedFile[] = [];
  for (const choice of file) files.push(await readFileChoice(workingDirectory, choice));
  return {
    volumes: volume,
    secrets: secret,
    environment: env,
    hosts: host,
    files,
    ...(preset !== undefined && { preset }),
    ...(entrypoint !== undefined && { entrypoint }),
    ...(cmd !== undefined && { cmd }),
    ...(ratls && { raTls: ratls }),
    ...(secretBrokers && { secretBrokers }),
  };
}

/** The servers with all their authorities, which the client does not tell apart. */
async function readBrokers(
  workingDirectory: string,
  choices: readonly BrokerChoice[],
): Promise<SecretBrokers | undefined> {
  if (choices.length === 0) return undefined;
  const servers = choices.map(({ server }) => server);
  const files = [...new Set(choices.flatMap(({ authorities }) => authorities ?? []))];
  const texts: string[] = [];
  for (const file of files) texts.push(await readAuthorities(workingDirectory, file));
  return { servers, ...(texts.length > 0 && { authorities: Buffer.from([...new Set(texts)].join('')) }) };
}

/** As PEM, certificates alone: a key beside them must not get into the image. */
async function readAuthorities(workingDirectory: string, file: string): Promise<string> {
  const path = resolve(workingDirectory, file);
  const what = 'certificate authority';
  const certificates = await readCertificateFile({ path, subject: file, what, code: 'usage' });
  return certificates.map(({ x509 }) => x509.toString()).join('');
}

/** Content and mode are those of one moment: both are asked of the open file. */
async function readFileChoice(workingDirectory: string, { hostPath, path }: FileChoice): Promise<AddedFile> {
  const from = resolve(workingDirectory, hostPath);
  try {
    // Without blocking, or a fifo without a writer would never open.
    const handle = await open(from, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const status = await handle.stat();
      if (!status.isFile()) throw notAFile(hostPath);
      const mode = (status.mode & 0o111) === 0 ? 0o644 : 0o755;
      return { path, mode, content: await handle.readFile() };
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw readError(from, 'file to add', error);
  }
}

function notAFile(hostPath: string): GscError {
  return new GscError({
    code: 'unreadable',
    subject: hostPath,
    message: 'expected a regular file to add, got something else',
    hint: 'give one --file for each file',
  });
}

function listOf<Value>(parse: (text: string) => Value) {
  return (text: string, before: readonly Value[] = []): readonly Value[] => [...before, parse(text)];
}
