import { resolve } from 'node:path';
import { Option } from 'commander';
import { attestBuild } from '../../attest.ts';
import { replaceFiles } from '../../base/atomic-file.ts';
import { GscError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import {
  type EvidenceKey,
  type Image,
  type ImageReference,
  type MeasureOptions,
  type OpenedImage,
  type Signer,
  signImage,
} from '../../index.ts';
import {
  checkTakesEvidence,
  defaultDestination,
  parseReference,
  showReference,
  signedNameOfUnsigned,
} from '../../parts.ts';
import { detachedSigner, parseKeyReference, prepareSignature } from '../../tools.ts';
import { nameInArchive } from '../options/archive-name.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { dateOption } from '../options/date-option.ts';
import { dayOf, sourceDateEpoch } from '../options/epoch.ts';
import { privateEvidenceKey } from '../options/evidence-key.ts';
import { addKeyOptions, type KeyOptions, keyHelp, openKey } from '../options/key-options.ts';
import { checkFileFollows, checkIsNoKey } from '../options/operand-order.ts';
import { groupOptions } from '../options/option-groups.ts';
import { addOverrideOptions, enclaveOverrides, type OverrideOptions } from '../options/override-options.ts';
import { repeatable } from '../options/repeatable.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { commitAndReport } from '../reports/commit.ts';
import { reportPrepared, summaryFileOf, writeSummary } from '../reports/prepared-report.ts';
import { enclavesToJson, reportOverrides, reportSigned } from '../reports/sign-report.ts';
import { exitCodes } from '../terminal/failure.ts';
import { growHeapSlowly } from '../terminal/heap-growth.ts';
import { Stopwatch } from '../terminal/stopwatch.ts';
import { openUnsigned, type UnsignedSource } from './unsigned-source.ts';

interface Options extends CommonOptions, StoreOptions, KeyOptions, OverrideOptions {
  readonly output?: string;
  readonly date?: string;
  readonly force?: boolean;
  readonly define?: readonly string[];
  readonly allowDebug?: boolean;
  readonly mrsigner?: string;
  readonly prepare?: string;
  readonly signature?: string;
  readonly evidenceKey?: string;
}

export const addSignImage: AddCommand = (program, act) => {
  const command = program
    .command('sign-image')
    .summary('sign a graminized image')
    .description(
      'Measures the enclave of an unsigned image and adds the signature, in place of the one that a signed image has. The key never enters an image.',
    )
    .argument('IMAGE', "the app image's name as given to gsc build, or the unsigned image's own")
    .argument('[KEY]', `${keyHelp}; not with --prepare and --signature`)
    .option('-c, --config <file>', "accepted for the Python tool's command lines; not needed")
    .option('-o, --output <ref>', 'name of the signed image')
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
    .option('--allow-debug', 'sign a debug enclave')
    .option('--mrsigner <hex>', 'refuse a signature by any other key than that with this MRSIGNER', parseHash)
    .option('--prepare <file>', 'sign nothing: write the bytes to sign for gsc sign-prepared, and a summary')
    .option('--signature <file>', 'take the signature that gsc sign-prepared made')
    .addOption(
      new Option(
        '--evidence-key <file>',
        'also attach signed provenance to the image: gsc attest-build',
      ).conflicts('prepare'),
    )
    .option('--force', 'replace an image of that name')
    .option('--no-cache', 'measure again, whatever was measured before')
    .action(act(signImageCommand));
  addKeyOptions(command);
  addOverrideOptions(command);
  addStoreOptions(command);
  groupOptions(command);
};

function parseHash(text: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase();
  throw new GscError({
    code: 'usage',
    subject: '--mrsigner',
    message: `expected 64 hex digits, got ${JSON.stringify(text)}`,
    hint: 'gsc key ls and gsc gen-private-key print it',
  });
}

async function signImageCommand(
  context: CommandContext,
  options: Options,
  imageText: string,
  key?: string,
): Promise<number> {
  const { host, console, images } = context;
  const steps = new Stopwatch((step, seconds) => context.console.step(step, seconds));
  checkIsNoKey('gsc sign-image', 'IMAGE', imageText);
  checkWhoSigns(options, key);
  if (key !== undefined && parseKeyReference(key).kind === 'pem')
    await checkFileFollows(host, { call: 'gsc sign-image', image: imageText, name: 'KEY', file: key });
  for (const word of options.define ?? []) console.detail(`-D ${word}: there is no template to fill`);
  const reference = parseReference(imageText);
  const date = dateOf(context, options);
  const signer = options.prepare === undefined ? await openSignerOf(context, options, key) : undefined;
  try {
    const needsNoName = options.output !== undefined || signer === undefined;
    const source = await openUnsigned(images, reference, needsNoName);
    steps.lap('open');
    growHeapSlowly();
    const measuring = {
      overrides: enclaveOverrides(options),
      ...(images.measurements && { measurements: images.measurements }),
      scan: (image: Image) => images.scan(image),
      ...(date !== undefined && { date }),
    };
    if (signer === undefined) return await prepare(context, options, { source: source.opened, measuring });
    return await signAndStore(context, options, { source, signer, measuring, steps });
  } finally {
    await signer?.close?.();
  }
}

/** Exactly one of KEY, `--prepare` and `--signature` says who signs. */
function checkWhoSigns({ prepare, signature, ...options }: Options, key: string | undefined): void {
  const given = [
    key !== undefined && 'KEY',
    prepare !== undefined && '--prepare',
    signature !== undefined && '--signature',
  ];
  const names = given.filter((name) => name !== false);
  if (names.length === 1) return;
  throw new GscError({
    code: 'usage',
    subject: names.length === 0 ? 'KEY' : names.join(' and '),
    message:
      names.length === 0
        ? 'expected a signing key'
        : 'expected one of KEY, --prepare FILE and --signature FILE',
    hint:
      names.length === 0
        ? 'write gsc sign-image IMAGE KEY; gsc gen-private-key makes a key'
        : `keep ${options.passphrase === undefined ? 'one of them' : 'KEY'}`,
  });
}

function dateOf({ host }: CommandContext, options: Options): string | undefined {
  const epochSeconds = sourceDateEpoch(host);
  return options.date ?? (epochSeconds === undefined ? undefined : dayOf(epochSeconds));
}

async function openSignerOf(
  context: CommandContext,
  options: Options,
  key: string | undefined,
): Promise<Signer> {
  if (key !== undefined) return openKey(context, key, options);
  const file = options.signature ?? '';
  const content = await readUserFile(resolve(context.host.workingDirectory, file), 'signature');
  return detachedSigner(content.toString('utf8'), file);
}

interface Parts<Source> {
  readonly source: Source;
  readonly measuring: MeasureOptions & { readonly date?: string };
}

interface SigningParts extends Parts<UnsignedSource> {
  readonly signer: Signer;
  readonly steps: Stopwatch;
}

async function signAndStore(
  context: CommandContext,
  options: Options,
  { source: { opened, signed }, signer, measuring, steps }: SigningParts,
): Promise<number> {
  const { console, images } = context;
  const isNamed = options.output !== undefined;
  const placed = defaultDestination(isNamed ? parseReference(options.output) : signed, opened);
  const output = isNamed ? placed : nameInArchive(placed, opened, signedNameOfUnsigned);
  const evidenceKey = await evidenceKeyFor(context, options, output);
  const { image, enclaves, applied } = await signImage(opened.image, {
    ...measuring,
    signer,
    name: showReference(output),
    allowsDebug: options.allowDebug === true,
    ...(options.mrsigner !== undefined && { mrSigner: options.mrsigner }),
  });
  steps.lap('sign');
  // Stored it is only after this: another image may have the name.
  console.say(`signing ${opened.image.name}`);
  reportOverrides(console, applied);
  reportSigned(console, enclaves);
  const writer = await images.openWriter(output, { force: options.force === true, sharedWith: [opened] });
  try {
    const more = enclavesToJson(enclaves);
    const code = await commitAndReport(context, { writer, image, output, steps, more });
    // As it is stored: in a registry the new layers are compressed.
    if (evidenceKey) await attestBuild(images, await images.open(output), evidenceKey);
    return code;
  } finally {
    await writer.abort();
  }
}

/** The key of `--evidence-key`, before anything is signed. Throws a `usage` error where evidence cannot be attached. */
async function evidenceKeyFor(
  { host, images }: CommandContext,
  { evidenceKey }: Options,
  output: ImageReference,
): Promise<EvidenceKey | undefined> {
  if (evidenceKey === undefined) return undefined;
  checkTakesEvidence(images, output);
  return privateEvidenceKey(host, evidenceKey);
}

/** The first step of signing on a machine that has neither the image nor a network. */
async function prepare(
  { host, console, isJson }: CommandContext,
  options: Options,
  { source: { image }, measuring }: Parts<OpenedImage>,
): Promise<number> {
  const file = options.prepare ?? '';
  const prepared = await prepareSignature(image, measuring);
  const summary = Buffer.from(writeSummary(image.name, prepared));
  const at = (name: string) => resolve(host.workingDirectory, name);
  host.signal.throwIfAborted();
  await replaceFiles([
    { path: at(file), bytes: prepared.message },
    { path: at(summaryFileOf(file)), bytes: summary },
  ]);
  console.say(`to be signed for ${image.name}:`);
  reportPrepared(console, { bytes: prepared.message, file }, summary);
  console.say(
    `next: gsc sign-prepared ${file} KEY, then gsc sign-image ${image.name} --signature ${file}.sig`,
  );
  const { mrEnclave } = prepared.measured;
  const result = { file, summary: summaryFileOf(file), mr_enclave: mrEnclave, date: prepared.date };
  console.result(isJson ? `${JSON.stringify(result)}\n` : `${file}\n`);
  return exitCodes.done;
}
