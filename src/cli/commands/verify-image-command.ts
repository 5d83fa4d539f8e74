import { resolve } from 'node:path';
import { GscError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import {
  damagedImage,
  type ImageVerdict,
  isDamage,
  labels,
  mrSignerOfPem,
  parseReference,
  type VerifyImageOptions,
  verifyImage,
} from '../../index.ts';
import { parseHash } from '../options/attest-options.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { groupOptions } from '../options/option-groups.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { isAccepted, printVerification } from '../reports/verify-report.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions, StoreOptions {
  readonly key?: string;
  readonly mrsigner?: string;
  readonly mrenclave?: string;
  readonly strict?: boolean;
}

export const addVerifyImage: AddCommand = (program, act) => {
  const command = program
    .command('verify-image')
    .summary('check whether a graminized image is what it claims to be')
    .description(
      'Checks signature, measurement, trusted files, launch path and runtime of a graminized image from the image itself, and by building it again from the app image.',
    )
    .argument('IMAGE', 'the graminized image')
    .option('--key <file>', 'the public key that must have signed, PEM')
    .option('--mrsigner <hex>', 'the MRSIGNER that is expected', parseHash)
    .option('--mrenclave <hex>', 'the MRENCLAVE that is expected', parseHash)
    .option('--strict', 'what is not checked counts as failed')
    .action(act(verify));
  addStoreOptions(command);
  groupOptions(command);
};

async function verify(context: CommandContext, options: Options, imageText: string): Promise<number> {
  const mrSigner = await expectedSigner(context, options);
  const verdict = await verdictOn(context, imageText, {
    ...(mrSigner !== undefined && { mrSigner }),
    ...(options.mrenclave !== undefined && { mrEnclave: options.mrenclave }),
  });
  const report = { verdict, isStrict: options.strict === true };
  printVerification(context, report);
  if (verdict.labels[labels.standIn] === 'true') {
    context.console.warn(
      'the runtime in this image is a stand-in for tests: it has no enclave and protects nothing',
    );
  }
  return isAccepted(report) ? exitCodes.done : exitCodes.failed;
}

/** An image that is damaged is not verified; one that cannot be reached is an error. */
async function verdictOn(
  { images, host }: CommandContext,
  imageText: string,
  options: VerifyImageOptions,
): Promise<ImageVerdict> {
  const reference = parseReference(imageText);
  try {
    const { image } = await images.open(reference);
    return await verifyImage(image, { ...options, signal: host.signal });
  } catch (error) {
    if (isDamage(error)) return damagedImage(error);
    throw error;
  }
}

async function expectedSigner({ host }: CommandContext, options: Options): Promise<string | undefined> {
  const { key, mrsigner } = options;
  if (key === undefined) return mrsigner;
  if (mrsigner !== undefined) {
    throw new GscError({
      code: 'usage',
      subject: 'gsc verify-image',
      message: 'both --key and --mrsigner name the signer',
      hint: 'give one of them',
    });
  }
  return mrSignerOfPem(await readUserFile(resolve(host.workingDirectory, key), 'public key'), key);
}
