import { type Command, Option } from 'commander';
import { GscError } from '../../base/error.ts';
import type { EnclaveOverrides } from '../../index.ts';

/** The options that decide keys of `sgx` when an enclave is signed. */
export interface OverrideOptions {
  readonly isvprodid?: number;
  readonly isvsvn?: number;
  readonly debug?: boolean;
}

export function addOverrideOptions(command: Command): Command {
  const options = [
    new Option('--isvprodid <number>', 'in place of sgx.isvprodid; measured').argParser(sixteenBits),
    new Option('--isvsvn <number>', 'in place of sgx.isvsvn; measured').argParser(sixteenBits),
    new Option('--debug', 'a debug enclave, in place of sgx.debug; measured'),
    new Option('--no-debug', 'a production enclave, in place of sgx.debug; measured'),
  ];
  for (const option of options) command.addOption(option.helpGroup('What is measured:'));
  return command;
}

function sixteenBits(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) < 0x10000) return Number(text);
  throw new GscError({
    code: 'usage',
    subject: '--isvprodid, --isvsvn',
    message: `expected a whole number from 0 to 65535, got ${JSON.stringify(text)}`,
    hint: 'write it as in --isvsvn 2',
  });
}

/** What the options say. */
export function enclaveOverrides({ isvprodid, isvsvn, debug }: OverrideOptions): EnclaveOverrides {
  return {
    ...(isvprodid !== undefined && { isvProdId: isvprodid }),
    ...(isvsvn !== undefined && { isvSvn: isvsvn }),
    ...(debug !== undefined && { isDebug: debug }),
  };
}
