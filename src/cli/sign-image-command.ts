import { resolve } from 'node:path';
import { GscError } from '../base/error.ts';
import { stateOf } from '../labels.ts';
import { type ImageReference, parseReference, showReference } from '../reference/image-reference.ts';
import { signedName, signedNameOfUnsigned, unsignedName } from '../reference/output-name.ts';
import { signImage } from '../sign-image.ts';
import type { StoredImage } from '../store/stored-image.ts';
import { commitAndReport } from './commit.ts';
import type { World } from './console.ts';
import { dateOption } from './date-option.ts';
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
    .addOption(dateOption('date in the signature, YYYY-MM-DD; default: when the image was created'))
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
  const reference = parseReference(imageText);
  const { unsigned, signed } = namesFor(reference);
  const output = options.output === undefined ? signed : parseReference(options.output);
  const signer = await openPemSigner(resolve(world.workingDirectory, keyFile), options.passphrase);
  const source = await openUnsigned(world, {
    given: reference,
    unsigned,
    isNamed: options.output !== undefined,
  });
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

interface Wanted {
  /** What the user wrote. */
  readonly given: ImageReference;
  readonly unsigned: ImageReference;
  /** True if the user names the result. */
  readonly isNamed: boolean;
}

/** The unsigned image of the app; where there is none, the given image itself if it is unsigned (`gsc build -o`). */
async function openUnsigned(world: World, { given, unsigned, isNamed }: Wanted): Promise<StoredImage> {
  const found = await openIfThere(unsigned, world);
  if (found !== undefined) return found;
  const image = await openIfThere(given, world);
  if (image === undefined) throw noUnsignedImage(given, unsigned);
  const state = stateOf(image.config.config?.Labels ?? {});
  if (state === 'unsigned' && isNamed) return image;
  await image.close();
  if (state === 'app') throw noUnsignedImage(given, unsigned);
  throw new GscError({
    code: 'state',
    subject: showReference(given),
    message:
      state === 'signed'
        ? 'expected an unsigned graminized image, got one that is signed already'
        : 'this unsigned image has a name of its own, of which none follows for the signed one',
    hint:
      state === 'signed' ? 'sign the unsigned image that it was made of' : 'name the signed image with -o',
  });
}

async function openIfThere(reference: ImageReference, world: World): Promise<StoredImage | undefined> {
  try {
    return await openSource(reference, world);
  } catch (error) {
    if (error instanceof GscError && error.code === 'not-found') return undefined;
    throw error;
  }
}

function noUnsignedImage(given: ImageReference, unsigned: ImageReference): GscError {
  const isItself = showReference(given) === showReference(unsigned);
  return new GscError({
    code: 'not-found',
    subject: showReference(unsigned),
    message: isItself ? 'there is no such image' : `there is no unsigned image of ${showReference(given)}`,
    hint: isItself
      ? 'check the name; gsc build makes unsigned images'
      : `make it with: gsc build ${showReference(given)} [MANIFEST]`,
  });
}
