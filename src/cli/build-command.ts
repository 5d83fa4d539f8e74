import { resolve } from 'node:path';
import { GscError } from '../base/error.ts';
import { type Graminized, graminize } from '../graminize.ts';
import type { Image } from '../image/image.ts';
import { type ImageReference, parseReference, showReference } from '../reference/image-reference.ts';
import { signedName, unsignedName } from '../reference/output-name.ts';
import { scanImage } from '../scan/scan-image.ts';
import { signImage } from '../sign-image.ts';
import type { SignedEnclave } from '../signature/sign-enclave.ts';
import type { Signer } from '../signature/signer.ts';
import type { ImageWriter } from '../store/image-writer.ts';
import { nameInArchive } from './archive-name.ts';
import { buildFactsToJson, reportBuild } from './build-report.ts';
import { commitAndReport } from './commit.ts';
import {
  addContentOptions,
  type ContentOptions,
  type ContentWishes,
  readContentOptions,
} from './content-options.ts';
import { dateOption } from './date-option.ts';
import { dayOf, sourceDateEpoch } from './epoch.ts';
import { growHeapSlowly } from './heap-growth.ts';
import { openPemSigner } from './key-place.ts';
import { checkFileFollows } from './operand-order.ts';
import { groupOptions } from './option-groups.ts';
import type { AddCommand, CommandContext, CommonOptions } from './program.ts';
import { scanProgress } from './scan-progress.ts';
import { enclaveToJson, reportSigned } from './sign-report.ts';
import { addStoreOptions, type StoreOptions } from './store-options.ts';
import { fullNameOf, type OpenedImage, placedLike, teeLayers } from './stores.ts';

interface Options extends CommonOptions, ContentOptions, StoreOptions {
  readonly output?: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly date?: string;
  readonly force?: boolean;
}

export const addBuild: AddCommand = (program, act) => {
  const command = program
    .command('build')
    .summary('graminize an image')
    .description(
      'Makes an image whose entrypoint starts the application in an SGX enclave. The app image is not changed.',
    )
    .argument(
      'IMAGE',
      'the app image: a name, or a reference such as docker://NAME, oci:DIR or docker-archive:FILE',
    )
    .argument('[MANIFEST]', "a Gramine manifest; its keys win over gsc's")
    .option('-o, --output <ref>', 'name of the result')
    .option('--key <file>', 'sign at once with this key')
    .option('-p, --passphrase <text>', 'passphrase of the key')
    .addOption(dateOption('date in the signature, YYYY-MM-DD'))
    .option('--force', 'replace an image of that name')
    .option(
      '--no-cache',
      'neither read nor write the cache of layer indexes; build a runtime anew (also -nc)',
    )
    .action(act(build));
  addContentOptions(command);
  addStoreOptions(command);
  groupOptions(command);
};

async function build(
  context: CommandContext,
  options: Options,
  imageText: string,
  manifestFile?: string,
): Promise<number> {
  const { world, stores } = context;
  checkPassphrase(options);
  const operands = { image: imageText, name: 'MANIFEST', file: manifestFile } as const;
  await checkFileFollows(world, { call: 'gsc build', ...operands });
  const appReference = parseReference(imageText);
  const named = outputOf(appReference, options);
  const epochSeconds = sourceDateEpoch(world);
  const signer =
    options.key === undefined
      ? undefined
      : await openPemSigner(resolve(world.workingDirectory, options.key), options.passphrase);
  let opened: Promise<OpenedImage> | undefined;
  const openApp = () => {
    opened ??= stores.open(appReference);
    return opened;
  };
  const wishes = await readContentOptions(context, options, {
    manifestFile,
    app: async () => (await openApp()).image,
  });
  const app = await openApp();
  const placed = placedLike(named, app);
  const output = options.output === undefined ? nameInArchive(placed, app, nameRule(options)) : placed;
  const writer = await stores.sink(output, { force: options.force === true, sharedWith: [app] });
  try {
    const parts = { app, writer, wishes, output, epochSeconds };
    const graminized = await scanAndGraminize(context, parts);
    const facts = { app: app.image, runtime: wishes.runtime, graminized };
    reportBuild(context.console, facts);
    const date = options.date ?? (epochSeconds === undefined ? undefined : dayOf(epochSeconds));
    const { image, enclave } = await signIfAsked(graminized.image, signer, date);
    if (enclave) reportSigned(context.console, enclave);
    const more = { ...buildFactsToJson(facts), ...(enclave && enclaveToJson(enclave)) };
    return await commitAndReport(context, { writer, image, base: app.image, output, more });
  } finally {
    await writer.abort();
  }
}

/** Without a key it would do nothing; who knows docker run may mean a port. */
function checkPassphrase({ key, passphrase }: Options): void {
  if (passphrase === undefined || key !== undefined) return;
  throw new GscError({
    code: 'usage',
    subject: '--passphrase',
    message: 'there is no --key that it could open',
    hint: /^[\d.:]+(?:\/\w+)?$/.test(passphrase)
      ? 'ports are published by docker run -p; -p of gsc build is the passphrase of --key'
      : 'name the key with --key FILE, or leave the passphrase out',
  });
}

interface BuildParts {
  readonly app: OpenedImage;
  readonly writer: ImageWriter;
  readonly wishes: ContentWishes;
  readonly output: ImageReference;
  readonly epochSeconds: number | undefined;
}

/** Reads every layer of the app image once: into the writer and into the file tree at the same time. */
async function scanAndGraminize(
  { world, console, cache }: CommandContext,
  { app: { image: app, reference }, writer, wishes, output, epochSeconds }: BuildParts,
): Promise<Graminized> {
  const { tree } = await scanImage(await teeLayers(app, writer), {
    ...cache.forScan,
    concurrency: 1,
    onProgress: scanProgress(console, app),
    signal: world.signal,
  });
  growHeapSlowly();
  const baseName = fullNameOf(reference);
  return graminize(app, {
    ...wishes,
    tree,
    name: showReference(output),
    ...(baseName !== undefined && { baseName }),
    ...(epochSeconds !== undefined && { epochSeconds }),
    toolVersion: __GSC_VERSION__,
  });
}

async function signIfAsked(
  unsigned: Image,
  signer: Signer | undefined,
  date: string | undefined,
): Promise<{ readonly image: Image; readonly enclave?: SignedEnclave }> {
  if (signer === undefined) return { image: unsigned };
  return signImage(unsigned, { signer, name: unsigned.name, ...(date !== undefined && { date }) });
}

function outputOf(app: ImageReference, options: Options): ImageReference {
  return options.output === undefined ? nameRule(options)(app) : parseReference(options.output);
}

/** How the result is called that the user gives no name. */
function nameRule({ key }: Options): (app: ImageReference) => ImageReference {
  return key === undefined ? unsignedName : signedName;
}
