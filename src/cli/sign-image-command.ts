import { resolve } from 'node:path';
import { GscError } from '../base/error.ts';
import { type ImageReference, parseReference, showReference } from '../reference/image-reference.ts';
import { signedName, signedNameOfUnsigned, unsignedName } from '../reference/output-name.ts';
import { signImage } from '../sign-image.ts';
import { commitAndReport } from './commit.ts';
import { dayOf, sourceDateEpoch } from './epoch.ts';
import { openPemSigner } from './key-place.ts';
import type { AddCommand, CommandContext, CommonOptions } from './program.ts';
import { enclaveToJson, reportSigned } from './sign-report.ts';
import { openSink, openSource } from './stores.ts';

interface Options extends CommonOptions {
  readonly output?: string;
  readonly passphrase?: string;
  readonly date?: string;
  readonly force?: boolean;
}

export const addSignImage: AddCommand = (program, act) => {
  program
    .command('sign-image')
    .summary('sign a graminized image')
    .description(
      'Measures the enclave of an unsigned image and adds the signature. The key never enters an image.',
    )
    .argument('IMAGE', "the app image's name as given to gsc build, or the unsigned image's own")
    .argument('KEY', 'signing key: PEM, RSA-3072 with exponent 3')
    .option('-c, --config <file>', "accepted for the Python tool's command lines; not needed")
    .option('-o, --output <ref>', 'name of the signed image')
    .option('-p, --passphrase <text>', 'passphrase of the key')
    .option('--date <date>', 'date in the signature, YYYY-MM-DD; default: when the image was created')
    .option('--force', 'replace an image of that name')
    .action(act(signImageCommand));
};

async function signImageCommand(
  context: CommandContext,
  options: Options,
  imageText: string,
  keyFile: string,
): Promise<number> {
  const { world, console } = context;
  const { unsigned, signed } = namesFor(parseReference(imageText));
  const output = options.output === undefined ? signed : parseReference(options.output);
  const signer = await openPemSigner(resolve(world.workingDirectory, keyFile), options.passphrase);
  const source = await openUnsigned(context, unsigned, imageText);
  try {
    const epochSeconds = sourceDateEpoch(world);
    const date = options.date ?? (epochSeconds === undefined ? undefined : dayOf(epochSeconds));
    const name = showReference(output);
    const { image, enclave } = await signImage(source, { signer, name, ...(date !== undefined && { date }) });
    console.say(`${source.name}: signed`);
    reportSigned(console, enclave);
    const writer = await openSink(output, { force: options.force === true, signal: world.signal });
    try {
      return await commitAndReport(context, { writer, image, output, more: enclaveToJson(enclave) });
    } finally {
      await writer.abort();
    }
  } finally {
    await source.close();
  }
}

interface Names {
  readonly unsigned: ImageReference;
  readonly signed: ImageReference;
}

/** A name that ends in `-unsigned` is the image's own; any other is the app's, as the Python tool takes it. */
function namesFor(reference: ImageReference): Names {
  const signed = signedNameOfUnsigned(reference);
  if (signed !== undefined) return { unsigned: reference, signed };
  return { unsigned: unsignedName(reference), signed: signedName(reference) };
}

async function openUnsigned({ world }: CommandContext, unsigned: ImageReference, imageText: string) {
  try {
    return await openSource(unsigned, world);
  } catch (error) {
    if (!(error instanceof GscError) || error.code !== 'not-found') throw error;
    throw new GscError({
      code: 'not-found',
      subject: showReference(unsigned),
      message: `there is no unsigned image for ${imageText}: ${error.message}`,
      hint: `make it with: gsc build ${imageText} [MANIFEST]`,
      cause: error,
    });
  }
}
