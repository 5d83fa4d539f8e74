import { resolve } from 'node:path';
import { GscError } from '../../base/error.ts';
import {
  defaultDestination,
  type ImageReference,
  type Images,
  type OpenedImage,
  parseReference,
  showReference,
  signedName,
  signedNameOfUnsigned,
  signImage,
  stateOf,
  unsignedName,
} from '../../index.ts';
import { nameInArchive } from '../options/archive-name.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { dateOption } from '../options/date-option.ts';
import { dayOf, sourceDateEpoch } from '../options/epoch.ts';
import { openPemSigner } from '../options/key-place.ts';
import { checkFileFollows } from '../options/operand-order.ts';
import { repeatable } from '../options/repeatable.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { commitAndReport } from '../reports/commit.ts';
import { enclavesToJson, reportSigned } from '../reports/sign-report.ts';
import { growHeapSlowly } from '../terminal/heap-growth.ts';

interface Options extends CommonOptions, StoreOptions {
  readonly output?: string;
  readonly passphrase?: string;
  readonly date?: string;
  readonly force?: boolean;
  readonly define?: readonly string[];
}

export const addSignImage: AddCommand = (program, act) => {
  const command = program
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
    .option(
      '-D, --define <name=value>',
      "accepted for the Python tool's command lines (repeatable)",
      repeatable,
    )
    .option(
      '--remove-gramine-deps',
      "accepted for the Python tool's command lines; gsc installs nothing that it could remove",
    )
    .option('--no-remove-gramine-deps', 'likewise')
    .addOption(dateOption('date in the signature, YYYY-MM-DD; default: when the image was created'))
    .option('--force', 'replace an image of that name')
    .action(act(signImageCommand));
  addStoreOptions(command);
};

async function signImageCommand(
  context: CommandContext,
  options: Options,
  imageText: string,
  keyFile: string,
): Promise<number> {
  const { host, console, images } = context;
  const operands = { image: imageText, name: 'KEY', file: keyFile } as const;
  await checkFileFollows(host, { call: 'gsc sign-image', ...operands });
  for (const word of options.define ?? []) console.detail(`-D ${word}: there is no template to fill`);
  const reference = parseReference(imageText);
  const epochSeconds = sourceDateEpoch(host);
  const { unsigned, signed } = namesFor(reference);
  const named = options.output === undefined ? signed : parseReference(options.output);
  const signer = await openPemSigner(resolve(host.workingDirectory, keyFile), options.passphrase);
  const isNamed = options.output !== undefined;
  const source = await openUnsigned(images, { given: reference, unsigned, isNamed });
  const placed = defaultDestination(named, source);
  const output = isNamed ? placed : nameInArchive(placed, source, signedNameOfUnsigned);
  const date = options.date ?? (epochSeconds === undefined ? undefined : dayOf(epochSeconds));
  const name = showReference(output);
  growHeapSlowly();
  const { image, enclaves } = await signImage(source.image, {
    signer,
    name,
    ...(date !== undefined && { date }),
  });
  // Stored it is only after this: another image may have the name.
  console.say(`signing ${source.image.name}`);
  reportSigned(console, enclaves);
  const writer = await images.openWriter(output, { force: options.force === true, sharedWith: [source] });
  try {
    const more = enclavesToJson(enclaves);
    return await commitAndReport(context, { writer, image, output, more });
  } finally {
    await writer.abort();
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
async function openUnsigned(images: Images, { given, unsigned, isNamed }: Wanted): Promise<OpenedImage> {
  const found = await openIfThere(unsigned, images);
  if (found !== undefined) return found;
  const opened = await openIfThere(given, images);
  if (opened === undefined) throw noUnsignedImage(given, unsigned);
  const state = stateOf(opened.image.config.config?.Labels ?? {});
  if (state === 'unsigned' && isNamed) return opened;
  if (state === 'app') throw noUnsignedImage(given, unsigned);
  throw new GscError({
    code: 'state',
    subject: showReference(given),
    message:
      state === 'signed'
        ? 'expected an unsigned graminized image, got one that is signed already'
        : 'the name of the signed image cannot be derived from the name of this unsigned image',
    hint:
      state === 'signed' ? 'sign the unsigned image that it was made from' : 'name the signed image with -o',
  });
}

async function openIfThere(reference: ImageReference, images: Images): Promise<OpenedImage | undefined> {
  try {
    return await images.open(reference);
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
