import { GscError } from '../../base/error.ts';
import {
  describeSigstruct,
  type RuntimeVersion,
  type SigstructDescription,
  verifySigstruct,
} from '../../tools.ts';
import { choiceOption } from '../options/choice-option.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { readInput } from '../options/input-file.ts';
import { runtimeVersionOption } from '../options/runtime-version-option.ts';
import { type FlatTable, flatToml } from '../reports/flat-toml.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions {
  readonly outputFormat: 'text' | 'toml' | 'json';
  readonly runtimeVersion?: RuntimeVersion;
}

export const addSigstructView: AddCommand = (program, act) => {
  program
    .command('sigstruct-view')
    .summary('print a SIGSTRUCT')
    .description('Prints the fields of a SIGSTRUCT (a .sig file) and checks its signature.')
    .argument('FILE', 'the .sig file, - for standard input')
    .addOption(
      choiceOption('--output-format <format>', 'how to print', ['text', 'toml', 'json']).default('text'),
    )
    .addOption(runtimeVersionOption())
    .action(act(sigstructView));
};

async function sigstructView(
  { host, console, isJson }: CommandContext,
  options: Options,
  file: string,
): Promise<number> {
  const bytes = await readInput(host, file, 'SIGSTRUCT');
  const fields = fieldsOf(describeSigstruct(bytes, file, options.runtimeVersion), options.verbose === true);
  console.result(format(fields, isJson ? 'json' : options.outputFormat));
  return reportVerification(bytes, file, host.stderr.write.bind(host.stderr));
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
