import { GscError } from '../../base/error.ts';
import type { RuntimeVersion, SigstructDescription } from '../../index.ts';
import { describeSigstruct, measure, verifySigstruct } from '../../tools.ts';
import { choiceOption } from '../options/choice-option.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { readInput } from '../options/input-file.ts';
import { addOverrideOptions, enclaveOverrides, type OverrideOptions } from '../options/override-options.ts';
import { runtimeVersionOption } from '../options/runtime-version-option.ts';
import { type FlatTable, flatToml } from '../reports/flat-toml.ts';
import { predictionFields } from '../reports/prediction.ts';
import { exitCodes } from '../terminal/failure.ts';
import { readEnclaveSource } from './enclave-source.ts';

interface Options extends CommonOptions, OverrideOptions {
  readonly predict?: boolean;
  readonly libpal?: string;
  readonly chroot?: string;
  readonly runtimeVersion?: RuntimeVersion;
  readonly outputFormat: 'text' | 'toml' | 'json';
}

export const addSigstructView: AddCommand = (program, act) => {
  const command = program
    .command('sigstruct-view')
    .summary('print a SIGSTRUCT')
    .description('Prints the fields of a SIGSTRUCT (a .sig file) and checks its signature.')
    .argument('FILE', 'the .sig file, - for standard input; with --predict a manifest')
    .option('--predict', 'measure, and say which MRENCLAVE the manifest will have once it is signed')
    .option('-l, --libpal <file>', "with --predict: the runtime's sgx/libpal.so")
    .option('--chroot <dir>', 'with --predict: resolve trusted files inside this directory')
    .addOption(runtimeVersionOption())
    .addOption(
      choiceOption('--output-format <format>', 'how to print', ['text', 'toml', 'json']).default('text'),
    )
    .action(act(sigstructView));
  addOverrideOptions(command);
};

async function sigstructView(context: CommandContext, options: Options, file: string): Promise<number> {
  const { host, console, isJson } = context;
  checkPredicting(options);
  const { libpal } = options;
  if (options.predict && libpal !== undefined) {
    const source = await readEnclaveSource(context, { ...options, manifest: file, libpal });
    console.result(format(predictionFields(measure(source)), isJson ? 'json' : options.outputFormat));
    return exitCodes.done;
  }
  const bytes = await readInput(host, file, 'SIGSTRUCT');
  const fields = fieldsOf(describeSigstruct(bytes, file, options.runtimeVersion), options.verbose === true);
  console.result(format(fields, isJson ? 'json' : options.outputFormat));
  return reportVerification(bytes, file, host.stderr.write.bind(host.stderr));
}

/** `--predict` needs the runtime, and its options mean nothing without it. */
function checkPredicting({ predict = false, libpal, chroot, ...options }: Options): void {
  const isAbout = [libpal, chroot].some((value) => value !== undefined);
  const others = isAbout || Object.keys(enclaveOverrides(options)).length > 0;
  if (predict ? libpal !== undefined : !others) return;
  throw new GscError({
    code: 'usage',
    subject: predict ? '--predict' : '--libpal, --chroot, --isvprodid, --isvsvn, --debug',
    message: predict ? 'expected --libpal FILE, which is measured too' : 'they are only for --predict',
    hint: predict ? 'name the sgx/libpal.so of the runtime' : 'add --predict, and give a manifest',
  });
}

function reportVerification(bytes: Buffer, file: string, write: (text: string) => unknown): number {
  try {
    verifySigstruct(bytes, file);
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof GscError)) throw error;
    write(`gsc: ${error.message}\n`);
    return exitCodes.failed;
  }
}

/** The genuine tool's keys, in its order. */
function fieldsOf(sigstruct: SigstructDescription, isVerbose: boolean): FlatTable {
  const hex = (value: bigint | number) => `0x${value.toString(16)}`;
  return {
    mr_signer: sigstruct.mrSigner,
    mr_enclave: sigstruct.mrEnclave,
    isv_prod_id: sigstruct.isvProdId,
    isv_svn: sigstruct.isvSvn,
    ...(isVerbose && {
      attribute_flags: hex(sigstruct.flags),
      attribute_xfrms: hex(sigstruct.xfrm),
      misc_select: hex(sigstruct.miscSelect),
      attribute_flags_mask: hex(sigstruct.flagsMask),
      attribute_xfrm_mask: hex(sigstruct.xfrmMask),
      misc_mask: hex(sigstruct.miscMask),
      date: sigstruct.date,
    }),
    debug_enclave: sigstruct.isDebug,
  };
}

function format(fields: FlatTable, outputFormat: Options['outputFormat']): string {
  switch (outputFormat) {
    case 'json':
      return `${JSON.stringify(fields, undefined, 4)}\n`;
    case 'toml':
      return flatToml(fields);
    case 'text':
      return [
        'Attributes:',
        ...Object.entries(fields).map(([key, value]) => `    ${key}: ${value}`),
        '',
      ].join('\n');
  }
}
