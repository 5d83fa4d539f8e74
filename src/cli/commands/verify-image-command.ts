import { type ImageVerdict, verifyImage } from '../../index.ts';
import { damagedImage, isDamage, labels, parseReference } from '../../parts.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { groupOptions } from '../options/option-groups.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import {
  addVerifyOptions,
  inputsFor,
  readVerifyOptions,
  type VerifyInputs,
  type VerifyOptions,
} from '../options/verify-options.ts';
import { isAccepted, printVerification } from '../reports/verify-report.ts';
import { exitCodes } from '../terminal/failure.ts';
import { growHeapSlowly } from '../terminal/heap-growth.ts';

interface Options extends CommonOptions, StoreOptions, VerifyOptions {
  readonly strict?: boolean;
}

export const addVerifyImage: AddCommand = (program, act) => {
  const command = program
    .command('verify-image')
    .summary('check whether a graminized image is what it claims to be')
    .description(
      'Checks signature, measurement, trusted files, launch path and runtime of a graminized image from the image itself, and by building it again from the app image.',
    )
    .argument('IMAGE', 'the graminized image');
  addVerifyOptions(command)
    .option('--strict', 'what is not checked counts as failed')
    // What a cache knows of an image is what it was once: what is verified is what lies there now.
    .setOptionValue('cache', false)
    .action(act(verify));
  addStoreOptions(command);
  groupOptions(command);
};

async function verify(context: CommandContext, options: Options, imageText: string): Promise<number> {
  const inputs = await readVerifyOptions(context, options, 'verify-image');
  const verdict = await verdictOn(context, imageText, inputs);
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
  { images, host, console }: CommandContext,
  imageText: string,
  inputs: VerifyInputs,
): Promise<ImageVerdict> {
  const reference = parseReference(imageText);
  try {
    const opened = await images.open(reference);
    const options = await inputsFor(images, opened, inputs);
    return await verifyImage(opened.image, {
      ...options,
      at: host.today(),
      signal: host.signal,
      reporter: console,
      // Two lists of files and two manifests are there at a time.
      ...(options.base && { onListed: growHeapSlowly }),
    });
  } catch (error) {
    if (isDamage(error)) return damagedImage(error);
    throw error;
  }
}
