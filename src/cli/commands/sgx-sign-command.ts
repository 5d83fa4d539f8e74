import { resolve } from 'node:path';
import { replaceFiles } from '../../base/atomic-file.ts';
import { GscError } from '../../base/error.ts';
import type { SignedEnclave } from '../../index.ts';
import { showVersion, signEnclave } from '../../tools.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { addKeyOptions, type KeyOptions, keyHelp, openKey } from '../options/key-options.ts';
import { defaultKeyPath } from '../options/key-place.ts';
import { addOverrideOptions } from '../options/override-options.ts';
import { runtimeVersionOption } from '../options/runtime-version-option.ts';
import type { CommandLineHost } from '../terminal/console.ts';
import { type EnclaveSourceOptions, readEnclaveSource } from './enclave-source.ts';

interface Options extends CommonOptions, KeyOptions, EnclaveSourceOptions {
  readonly output: string;
  readonly key?: string;
  readonly sigfile?: string;
  readonly date: string;
}

export const addSgxSign: AddCommand = (program, act) => {
  const command = program
    .command('sgx-sign')
    .summary('sign a manifest, as gramine-sgx-sign does')
    .description(
      "Completes a manifest, measures the enclave and signs it: same input, same bytes as gramine-sgx-sign, and as Graphene's signers.",
    )
    .requiredOption('-m, --manifest <file>', 'the manifest')
    .requiredOption('-o, --output <file>', 'the .manifest.sgx to write')
    .requiredOption('-l, --libpal <file>', "the runtime's sgx/libpal.so")
    .option('-k, --key <key>', `${keyHelp}; default: where Gramine's tools keep a file`)
    .option(
      '-s, --sigfile <file>',
      'the SIGSTRUCT to write; default: next to the manifest (Graphene: the output), .sig for .manifest',
    )
    .option('-d, --date <date>', 'date in the signature: YYYY-MM-DD or today', 'today')
    .option('--chroot <dir>', 'resolve trusted files inside this directory')
    .option('--exec <file>', 'the executable, of Graphene until 1.1; default: loader.exec of the manifest')
    .addOption(runtimeVersionOption())
    .action(act(sgxSign));
  addKeyOptions(command);
  addOverrideOptions(command);
};

async function sgxSign(context: CommandContext, options: Options): Promise<number> {
  const { host, console, isJson } = context;
  const at = (path: string) => resolve(host.workingDirectory, path);
  const signer = await openKey(context, options.key ?? defaultKeyPath(host), options);
  try {
    const source = await readEnclaveSource(context, options);
    const { sigfile } = source;
    if (at(sigfile) === at(options.output)) throw sameFile(sigfile);
    const date = options.date === 'today' ? localDate(host) : options.date;
    const signed = await signEnclave({ ...source, signer, date });
    // The genuine tool signs debug enclaves without a word; what replaces it signs what it signs.
    if (signed.settings.isDebug && signer.isForTests !== true)
      console.warn('this is a debug enclave (sgx.debug = true), whose memory the host can read');
    host.signal.throwIfAborted();
    await replaceFiles([
      { path: at(options.output), bytes: source.manifestSgx },
      { path: at(sigfile), bytes: signed.sigstruct },
    ]);
    console.say(`signed for ${showVersion(source.version)}: ${options.output}, ${sigfile}`);
    console.result(isJson ? `${JSON.stringify(resultOf(signed))}\n` : `${signed.mrEnclave}\n`);
    return 0;
  } finally {
    await signer.close?.();
  }
}

function sameFile(path: string): GscError {
  return new GscError({
    code: 'usage',
    subject: '--output',
    message: `expected a file other than the SIGSTRUCT's, got ${path} for both`,
    hint: 'name the .manifest.sgx with --output, the .sig with --sigfile',
  });
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
