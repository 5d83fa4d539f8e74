import { resolve } from 'node:path';
import { Option } from 'commander';
import { GscError } from '../../base/error.ts';
import {
  defaultDestination,
  fullNameOf,
  type Graminized,
  graminize,
  type Image,
  type ImageReference,
  type ImageWriter,
  type NamedEnclave,
  type OpenedImage,
  parseReference,
  type Runtime,
  type Signer,
  showReference,
  signedName,
  signImage,
  unsignedName,
} from '../../index.ts';
import { nameInArchive } from '../options/archive-name.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import {
  addContentOptions,
  type ContentOptions,
  type ContentWishes,
  readContentOptions,
} from '../options/content-options.ts';
import { dateOption } from '../options/date-option.ts';
import { dayOf, sourceDateEpoch } from '../options/epoch.ts';
import { openPemSigner } from '../options/key-place.ts';
import { openOnce } from '../options/open-once.ts';
import { checkFileFollows } from '../options/operand-order.ts';
import { groupOptions } from '../options/option-groups.ts';
import { addFirstOptions } from '../options/runtime-build-options.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { buildFactsToJson, reportBuild } from '../reports/build-report.ts';
import { commitAndReport } from '../reports/commit.ts';
import { enclavesToJson, reportRun, reportSigned } from '../reports/sign-report.ts';
import { growHeapSlowly } from '../terminal/heap-growth.ts';
import { buildRuntimeAlone } from './build-gramine-command.ts';

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
    .argument(
      '[MANIFEST...]',
      "a manifest; its keys override gsc's. Graphene until 1.1: one for each program, the first that starts first",
    )
    .option('-o, --output <ref>', 'name of the result')
    .option('--key <file>', 'sign at once with this key')
    .option('-p, --passphrase <text>', 'passphrase of the key')
    .addOption(dateOption('date in the signature, YYYY-MM-DD'))
    .option('--force', 'replace an image of that name')
    .option('--no-cache', 'neither read nor write the cache of layer indexes; rebuild a runtime (also -nc)')
    .addOption(
      new Option('-G, --graphene', 'with Graphene: build the runtime alone, and no image').hideHelp(),
    )
    .action(act(build));
  addFirstOptions(addContentOptions(command));
  addStoreOptions(command);
  groupOptions(command);
};

async function build(
  context: CommandContext,
  options: Options,
  imageText: string,
  ...rest: readonly string[]
): Promise<number> {
  const { host, images } = context;
  // commander hands the last argument over as one array
  const [manifestFile, ...childFiles] = rest.flat();
  checkPassphrase(options);
  if (options.graphene) return buildRuntimeAlone(context, options);
  const operands = { image: imageText, name: 'MANIFEST', file: manifestFile } as const;
  await checkFileFollows(host, { call: 'gsc build', ...operands });
  const appReference = parseReference(imageText);
  const named = outputOf(appReference, options);
  const epochSeconds = sourceDateEpoch(host);
  const signer =
    options.key === undefined
      ? undefined
      : await openPemSigner(resolve(host.workingDirectory, options.key), options.passphrase);
  const content = await readContentOptions(context, options, manifestFile, childFiles);
  const openApp = openOnce(images, appReference);
  const runtime = await content.openRuntime(async () => (await openApp()).image);
  const app = await openApp();
  const placed = defaultDestination(named, app);
  const output = options.output === undefined ? nameInArchive(placed, app, nameRule(options)) : placed;
  const writer = await images.openWriter(output, { force: options.force === true, sharedWith: [app] });
  try {
    const parts = { app, writer, runtime, wishes: content.wishes, output, epochSeconds };
    const graminized = await scanAndGraminize(context, parts);
    const facts = { app: app.image, runtime, graminized };
    reportBuild(context.console, facts);
    const date = options.date ?? (epochSeconds === undefined ? undefined : dayOf(epochSeconds));
    const { image, enclaves } = await signIfAsked(graminized, signer, date);
    if (enclaves) reportSigned(context.console, enclaves);
    const more = { ...buildFactsToJson(facts), ...(enclaves && enclavesToJson(enclaves)) };
    const code = await commitAndReport(context, { writer, image, output, more });
    reportRun(context.console, graminized, { output, isSigned: enclaves !== undefined });
    return code;
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
    message: 'given without the --key that it would open',
    hint: /^[\d.:]+(?:\/\w+)?$/.test(passphrase)
      ? 'ports are published by docker run -p; -p of gsc build is the passphrase of --key'
      : 'name the key with --key FILE, or remove the passphrase',
  });
}

interface BuildParts {
  readonly app: OpenedImage;
  readonly writer: ImageWriter;
  readonly runtime: Runtime;
  readonly wishes: ContentWishes;
  readonly output: ImageReference;
  readonly epochSeconds: number | undefined;
}

/** Reads every layer of the app image once: into the writer and into the file tree at the same time. */
async function scanAndGraminize(
  { images }: CommandContext,
  { app: { image: app, reference }, writer, runtime, wishes, output, epochSeconds }: BuildParts,
): Promise<Graminized> {
  const { tree } = await images.scan(app, { writer });
  growHeapSlowly();
  const baseName = fullNameOf(reference);
  return graminize(app, runtime, {
    ...wishes,
    tree,
    name: showReference(output),
    ...(baseName !== undefined && { baseName }),
    ...(epochSeconds !== undefined && { epochSeconds }),
  });
}

async function signIfAsked(
  unsigned: Graminized,
  signer: Signer | undefined,
  date: string | undefined,
): Promise<{ readonly image: Image; readonly enclaves?: readonly NamedEnclave[] }> {
  if (signer === undefined) return { image: unsigned.image };
  return signImage(unsigned, { signer, ...(date !== undefined && { date }) });
}

function outputOf(app: ImageReference, options: Options): ImageReference {
  return options.output === undefined ? nameRule(options)(app) : parseReference(options.output);
}

/** The default name of the result. */
function nameRule({ key }: Options): (app: ImageReference) => ImageReference {
  return key === undefined ? unsignedName : signedName;
}
