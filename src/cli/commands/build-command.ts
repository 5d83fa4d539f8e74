import { resolve } from 'node:path';
import { Option } from 'commander';
import { checkReplaceable } from '../../base/atomic-file.ts';
import { GscError } from '../../base/error.ts';
import { showCount, showCounted } from '../../base/show-size.ts';
import type { ImageReference, Images, OpenedImage, Signer } from '../../index.ts';
import { workspaceOf } from '../../library/images.ts';
import { defaultDestination, parseReference, signedName, unsignedName } from '../../parts.ts';
import { nameInArchive } from '../options/archive-name.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { addContentOptions, type ContentOptions, readContentOptions } from '../options/content-options.ts';
import { dateOption } from '../options/date-option.ts';
import { dayOf, sourceDateEpoch } from '../options/epoch.ts';
import { addKeyOptions, type KeyOptions, openKey } from '../options/key-options.ts';
import { openOnce } from '../options/open-once.ts';
import { checkFileFollows } from '../options/operand-order.ts';
import { groupOptions } from '../options/option-groups.ts';
import { addOverrideOptions, enclaveOverrides, type OverrideOptions } from '../options/override-options.ts';
import { addFirstOptions } from '../options/runtime-build-options.ts';
import {
  addSharedCacheOptions,
  checkCacheKey,
  type SharedCacheOptions,
} from '../options/shared-cache-options.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { commitAndReport } from '../reports/commit.ts';
import { reportRun } from '../reports/sign-report.ts';
import { tell } from '../reports/transcript.ts';
import { Stopwatch } from '../terminal/stopwatch.ts';
import { findOrBuild } from './build-result.ts';
import { buildRuntime } from './build-runtime.ts';
import type { BuildParts, MadeBuild } from './make-build.ts';

interface Options
  extends CommonOptions,
    ContentOptions,
    StoreOptions,
    SharedCacheOptions,
    KeyOptions,
    OverrideOptions {
  readonly output?: string;
  readonly key?: string;
  readonly allowDebug?: boolean;
  readonly date?: string;
  readonly force?: boolean;
  readonly report?: string;
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
    .option('--key <key>', 'sign at once with this key: a PEM file, a pkcs11: URI, or exec:PROGRAM ARG…')
    .addOption(dateOption('date in the signature, YYYY-MM-DD'))
    .option('--allow-debug', 'sign a debug enclave')
    .option('--force', 'replace an image of that name')
    .option('--report <file>', 'also write a page about the result, as gsc report does')
    .option('--no-cache', 'neither read nor write the cache of layer indexes; rebuild a runtime (also -nc)')
    .addOption(
      new Option('-G, --graphene', 'with Graphene: build the runtime alone, and no image').hideHelp(),
    )
    .action(act(build));
  addKeyOptions(command);
  addOverrideOptions(command);
  addFirstOptions(addContentOptions(command));
  addSharedCacheOptions(addStoreOptions(command));
  groupOptions(command);
};

async function build(
  context: CommandContext,
  options: Options,
  imageText: string,
  ...rest: readonly string[]
): Promise<number> {
  const { host } = context;
  // commander hands the last argument over as one array
  const [manifestFile, ...childFiles] = rest.flat();
  checkPassphrase(options);
  checkSigningOptions(options);
  checkCacheKey(options);
  await checkReportFile(context, options);
  if (options.graphene) {
    checkRuntimeAlone(options);
    const { buildRuntimeAlone } = await import('./build-gramine-command.ts');
    return buildRuntimeAlone(context, options);
  }
  const operands = { image: imageText, name: 'MANIFEST', file: manifestFile } as const;
  await checkFileFollows(host, { call: 'gsc build', ...operands });
  const signer = options.key === undefined ? undefined : await openKey(context, options.key, options);
  try {
    return await buildAndSign(context, options, { imageText, manifestFile, childFiles, signer });
  } finally {
    await signer?.close?.();
  }
}

/** What is about an image would be given in vain. */
function checkRuntimeAlone(options: Options): void {
  const vain = (['key', 'output', 'report'] as const).find((name) => options[name] !== undefined);
  if (vain === undefined) return;
  throw new GscError({
    code: 'usage',
    subject: `--${vain}`,
    message: '-G builds the runtime alone: there is no image that it could be for',
    hint: `leave out -G, or --${vain}`,
  });
}

interface BuildOrder {
  readonly imageText: string;
  readonly manifestFile: string | undefined;
  readonly childFiles: readonly string[];
  readonly signer: Signer | undefined;
}

async function buildAndSign(
  context: CommandContext,
  options: Options,
  { imageText, manifestFile, childFiles, signer }: BuildOrder,
): Promise<number> {
  const { host, images } = context;
  const steps = new Stopwatch((step, seconds) => context.console.step(step, seconds));
  const appReference = parseReference(imageText);
  const named = outputOf(appReference, options);
  const epochSeconds = sourceDateEpoch(host);
  const content = await readContentOptions(context, options, manifestFile, childFiles);
  const openApp = openOnce(images, appReference, { isListed: staysInEngine(named, options) });
  if (await isInEngine(images, appReference)) openApp().catch(() => undefined);
  const found = await content.findRuntime(async () => (await openApp()).image);
  const runtime = buildRuntime(context, found);
  // An Engine takes long to begin an export; what is wrong with the runtime is said when it is needed.
  runtime.find().catch(() => undefined);
  const app = await openApp();
  steps.lap('open');
  const placed = defaultDestination(named, app);
  const output = options.output === undefined ? nameInArchive(placed, app, nameRule(options)) : placed;
  const writer = await images.openWriter(output, { force: options.force === true, sharedWith: [app] });
  try {
    const date = options.date ?? (epochSeconds === undefined ? undefined : dayOf(epochSeconds));
    const signing = signer && {
      ...{ signer, date, overrides: enclaveOverrides(options), allowsDebug: options.allowDebug === true },
    };
    const isReported = options.report !== undefined;
    const parts = { app, runtime, content, output, epochSeconds, signing, writer, steps, isReported };
    const made = await findOrBuild(context, parts);
    const facts = { ...made.report.facts, ...(await publishIndexes(context, app)) };
    return await storeBuild(context, parts, { made, facts, file: options.report });
  } finally {
    await writer.abort();
  }
}

/** True if the result goes to an Engine and nothing but lists is made of the app image: an Engine that has it is sent none of its layers. */
function staysInEngine({ kind }: ImageReference, { report }: Options): boolean {
  return report === undefined && (kind === 'bare' || kind === 'docker-daemon');
}

interface StoreOrder {
  readonly made: MadeBuild;
  /** For `--json`. */
  readonly facts: object;
  /** For a report on the result. */
  readonly file: string | undefined;
}

async function storeBuild(
  context: CommandContext,
  parts: BuildParts,
  { made, facts, file }: StoreOrder,
): Promise<number> {
  const { writer, output, steps, signing } = parts;
  const { image, report, seen } = made;
  tell(context.console, report.lines);
  const more = { ...facts, ...(file !== undefined && { report: file }) };
  const code = await commitAndReport(context, {
    ...{ writer, image, output, steps, more },
    ...(file !== undefined && { afterwards: () => writeReport(context, parts, { seen, file }) }),
  });
  reportRun(context.console, report, { output, isSigned: signing !== undefined });
  return code;
}

/** A report on the result as it is stored; it is known already what the layers of the app image hold. */
async function writeReport(
  context: CommandContext,
  { output, steps }: BuildParts,
  { seen, file }: { readonly seen: MadeBuild['seen'] | undefined; readonly file: string },
): Promise<void> {
  const { makePage, sayFailures, writePage } = await import('../reports/image-page.ts');
  const stored = await context.images.open(output);
  const { page, report } = await makePage(context, stored, { inputs: {}, ...(seen && { seen }) });
  await writePage(context, file, page);
  sayFailures(context, report);
  context.console.say(`  report         ${file}`);
  steps.lap('report');
}

/** Before anything is built. */
async function checkReportFile({ host }: CommandContext, { report }: Options): Promise<void> {
  if (report === undefined) return;
  if (report === '-') {
    throw new GscError({
      code: 'usage',
      subject: '--report',
      message: 'standard output has the name of the result, and cannot have the report too',
      hint: 'name a file, or write gsc report IMAGE once it is built',
    });
  }
  await checkReplaceable(resolve(host.workingDirectory, report));
}

/** Shares the indexes of the app image's layers, if asked, and says what became of it. */
async function publishIndexes({ images, console }: CommandContext, { image }: OpenedImage): Promise<object> {
  const { shared } = workspaceOf(images).cache;
  if (shared === undefined) return {};
  const { read, written } = await shared.publish(image.layers);
  console.say(`shared cache: used for ${showCounted(read, 'layer')}; ${showCount(written)} stored`);
  return { shared_cache: { used: read, stored: written } };
}

/**
 * True if an Engine has the image. Then it is opened while the runtime is looked for, since the first byte of an export takes long;
 * a registry that does not answer would keep gsc waiting although the runtime is missing. What is wrong is said by opening it.
 */
async function isInEngine(images: Images, reference: ImageReference): Promise<boolean> {
  const { images: store } = workspaceOf(images);
  return (await store.glance(reference).catch(() => undefined)) !== undefined;
}

/** Options about a signature, where there will be none. */
function checkSigningOptions({ key, ...options }: Options): void {
  if (key !== undefined) return;
  const names = ['isvprodid', 'isvsvn', 'debug', 'allowDebug', 'signerTimeout'] as const;
  const name = names.find((each) => options[each] !== undefined);
  if (name === undefined) return;
  const option = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw new GscError({
    code: 'usage',
    subject: `--${option}`,
    message: 'it is about the signature, and there is no --key to sign with',
    hint: 'give it to gsc sign-image, or set the key of sgx in the manifest',
  });
}

/** Without a key it would do nothing; who knows docker run may mean a port. */
function checkPassphrase({ key, passphrase, passphraseFile, passphraseEnv }: Options): void {
  const given = passphrase ?? passphraseFile ?? passphraseEnv;
  if (given === undefined || key !== undefined) return;
  const sources = { '--passphrase': passphrase, '--passphrase-file': passphraseFile };
  const [option = '--passphrase-env'] = Object.entries(sources).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  throw new GscError({
    code: 'usage',
    subject: option,
    message: 'given without the --key that it would open',
    hint: /^[\d.:]+(?:\/\w+)?$/.test(passphrase ?? '')
      ? 'ports are published by docker run -p; -p of gsc build is the passphrase of --key'
      : 'name the key with --key FILE, or remove the passphrase',
  });
}

function outputOf(app: ImageReference, options: Options): ImageReference {
  return options.output === undefined ? nameRule(options)(app) : parseReference(options.output);
}

/** The default name of the result. */
function nameRule({ key }: Options): (app: ImageReference) => ImageReference {
  return key === undefined ? unsignedName : signedName;
}
