import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { replaceFiles } from '../../base/atomic-file.ts';
import { GscError } from '../../base/error.ts';
import { readError, readUserFile } from '../../base/read-file.ts';
import {
  chrootFiles,
  hostFiles,
  type RuntimeVersion,
  type SignedEnclave,
  showVersion,
  signManifest,
} from '../../tools.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { defaultKeyPath, openPemSigner } from '../options/key-place.ts';
import { defaultRuntimeVersion, runtimeVersionOption } from '../options/runtime-version-option.ts';
import type { CommandLineHost } from '../terminal/console.ts';

interface Options extends CommonOptions {
  readonly manifest: string;
  readonly output: string;
  readonly libpal: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly sigfile?: string;
  readonly date: string;
  readonly chroot?: string;
  readonly exec?: string;
  readonly runtimeVersion?: RuntimeVersion;
}

export const addSgxSign: AddCommand = (program, act) => {
  program
    .command('sgx-sign')
    .summary('sign a manifest, as gramine-sgx-sign does')
    .description(
      "Completes a manifest, measures the enclave and signs it: same input, same bytes as gramine-sgx-sign, and as Graphene's signers.",
    )
    .requiredOption('-m, --manifest <file>', 'the manifest')
    .requiredOption('-o, --output <file>', 'the .manifest.sgx to write')
    .requiredOption('-l, --libpal <file>', "the runtime's sgx/libpal.so")
    .option('-k, --key <file>', "signing key, PEM; default: where Gramine's tools keep it")
    .option('-p, --passphrase <text>', 'passphrase of the key')
    .option(
      '-s, --sigfile <file>',
      'the SIGSTRUCT to write; default: next to the manifest (Graphene: the output), .sig for .manifest',
    )
    .option('-d, --date <date>', 'date in the signature: YYYY-MM-DD or today', 'today')
    .option('--chroot <dir>', 'resolve trusted files inside this directory')
    .option('--exec <file>', 'the executable, of Graphene until 1.1; default: loader.exec of the manifest')
    .addOption(runtimeVersionOption())
    .action(act(sgxSign));
};

async function sgxSign({ host, console, isJson }: CommandContext, options: Options): Promise<number> {
  const at = (path: string) => resolve(host.workingDirectory, path);
  const version = options.runtimeVersion ?? defaultRuntimeVersion;
  const libosUri = await libosBeside(at(options.libpal));
  const libpal = await readUserFile(at(options.libpal), 'libpal.so');
  const signer = await openPemSigner(at(options.key ?? defaultKeyPath(host)), options.passphrase);
  if (options.chroot !== undefined) await checkDirectory(at(options.chroot));
  const files = hostFiles(host.workingDirectory);
  const signed = await signManifest({
    text: await readUserFile(at(options.manifest), 'manifest'),
    path: options.manifest,
    output: options.output,
    ...(options.sigfile !== undefined && { sigfile: options.sigfile }),
    ...(options.exec !== undefined && { executable: options.exec }),
    ...{ version, libpal, signer },
    files: options.chroot === undefined ? files : chrootFiles(at(options.chroot)),
    hostFiles: files,
    ...(libosUri !== undefined && { libosUri }),
    date: options.date === 'today' ? localDate(host) : options.date,
  });
  const { sigfile } = signed;
  if (at(sigfile) === at(options.output)) throw sameFile(sigfile);
  for (const warning of signed.warnings) console.warn(warning);
  host.signal.throwIfAborted();
  await replaceFiles([
    { path: at(options.output), bytes: signed.manifestSgx },
    { path: at(sigfile), bytes: signed.sigstruct },
  ]);
  console.say(`signed for ${showVersion(version)}: ${options.output}, ${sigfile}`);
  console.result(isJson ? `${JSON.stringify(resultOf(signed))}\n` : `${signed.mrEnclave}\n`);
  return 0;
}

function sameFile(path: string): GscError {
  return new GscError({
    code: 'usage',
    subject: '--output',
    message: `expected a file other than the SIGSTRUCT's, got ${path} for both`,
    hint: 'name the .manifest.sgx with --output, the .sig with --sigfile',
  });
}

/**
 * What manifests without `loader.entrypoint.uri` get: the library OS of the installation that libpal.so is of. Gramine's
 * signer has it built in.
 */
async function libosBeside(libpal: string): Promise<string | undefined> {
  const libos = join(dirname(dirname(libpal)), 'libsysdb.so');
  const facts = await stat(libos).catch(() => undefined);
  return facts?.isFile() ? `file:${libos}` : undefined;
}

async function checkDirectory(path: string): Promise<void> {
  try {
    await readdir(path);
  } catch (error) {
    throw readError(path, 'chroot directory', error);
  }
}

function resultOf({ mrEnclave, mrSigner }: SignedEnclave): object {
  return { mr_enclave: mrEnclave, mr_signer: mrSigner };
}

/** Today where the user is, as the genuine signer takes it. */
function localDate(host: CommandLineHost): string {
  const now = host.today();
  const pad = (value: number, width: number) => String(value).padStart(width, '0');
  return `${pad(now.getFullYear(), 4)}-${pad(now.getMonth() + 1, 2)}-${pad(now.getDate(), 2)}`;
}
