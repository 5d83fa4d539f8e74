import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { usageError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import { showCounted } from '../../base/show-size.ts';
import { type FleetEntry, parseFleet } from '../../fleet/fleet-file.ts';
import type { FleetResult } from '../../fleet/fleet-result.ts';
import { type ResultStore, resultArtifacts, resultDirectory } from '../../fleet/result-store.ts';
import { type EntryState, runFleet } from '../../fleet/run-fleet.ts';
import { openImages, workspaceOf } from '../../library/images.ts';
import { parseReference } from '../../parts.ts';
import type { AddCommand, CommandContext } from '../options/command-context.ts';
import { dateOption } from '../options/date-option.ts';
import { groupOptions } from '../options/option-groups.ts';
import { repeatable } from '../options/repeatable.ts';
import { addSharedCacheOptions, checkCacheKey, readCacheKey } from '../options/shared-cache-options.ts';
import { storeChoices } from '../options/store-options.ts';
import { wholeNumber } from '../options/whole-number.ts';
import { FleetReport, fleetExitCode, indexExitCode } from '../reports/fleet-report.ts';
import { exitCodes, reportAttempt } from '../terminal/failure.ts';
import { type FleetOptions, type FleetOrder, findKept, makeEntry } from './make-fleet-entry.ts';

export const addFleet: AddCommand = (program, act) => {
  const command = program
    .command('fleet')
    .summary('graminize a list of images')
    .description(
      'Graminizes, and signs if there is a key, every image of a list, several at a time. What is done and still the same is not done again.',
    )
    .requiredOption('--images <file>', 'the list: YAML or JSON')
    .option('--jobs <n>', 'how many at a time; default: one for each processor', wholeNumber('--jobs', 1))
    .option(
      '--retries <n>',
      'how often an image is tried again after a passing failure',
      wholeNumber('--retries', 0),
      2,
    )
    .option('--results <place>', 'where results are recorded: a directory, docker://HOST/NAME or oci:DIR')
    .option('--index <n>', 'only the image of this number, from 0', wholeNumber('--index', 0))
    .option('--show', 'print what is recorded, and make nothing')
    .option('--force', 'replace images of the same names')
    .option('--key <key>', 'sign with this key: a PEM file, a pkcs11: URI, or exec:PROGRAM ARG…')
    .option('--passphrase-file <file>', 'file with the passphrase of the key, or the PIN of the token')
    .option('--passphrase-env <name>', 'environment variable with it')
    .option('--signer-timeout <seconds>', 'how long exec: may take; default 120')
    .addOption(dateOption('date in the signatures, YYYY-MM-DD'));
  addSharedCacheOptions(command);
  addRegistryOptions(command).action(act(fleet));
  groupOptions(command);
};

/** As of every command with images; the platform is an option of each image. */
function addRegistryOptions(command: Command): Command {
  return command
    .option('--insecure-registry <host>', 'a registry that may speak plain http (repeatable)', repeatable)
    .option('--ca-file <file>', 'certificate authority of a registry, PEM (repeatable)', repeatable);
}

async function fleet(context: CommandContext, options: FleetOptions): Promise<number> {
  if (options.index === undefined) return makeFleet(context, options);
  try {
    return await makeFleet(context, options);
  } catch (error) {
    context.console.close();
    return reportAttempt(error, context.host, context.console.tellsEvents);
  }
}

async function makeFleet(context: CommandContext, options: FleetOptions): Promise<number> {
  const { host, console } = context;
  const file = resolve(host.workingDirectory, options.images);
  const content = (await readUserFile(file, 'list of images')).toString('utf8');
  const isSigned = options.key !== undefined;
  const all = parseFleet(content, { subject: options.images, isSigned });
  await checkOptions(all, options.images);
  const entries = options.index === undefined ? all : [entryAt(all, options.index)];
  const store = await openResults(context, options, file);
  if (options.show) return show(context, entries, store);
  // What is said of an image, its own process says.
  const quiet = openImages({ host, usesCache: false, ...storeChoices(options) });
  const order: FleetOrder = { context, options, quiet, directory: dirname(file) };
  console.say(`${showCounted(entries.length, 'image')}; results in ${store.name}`);
  const report = new FleetReport(console, { file: options.images, entries });
  const states = await runFleet({
    entries,
    jobs: options.jobs ?? availableParallelism(),
    retries: options.retries,
    findKept: (entry) => findKept(order, store, entry),
    make: (entry, attempt) => makeEntry(order, entry, attempt),
    save: (result) => store.save(result),
    onState: (index, state) => report.settle(index, state),
    signal: host.signal,
  }).finally(() => quiet.close());
  report.end(states, context.isJson);
  const [first] = states;
  const isOne = options.index !== undefined && first !== undefined;
  return isOne ? indexExitCode(first, host.signal.aborted) : fleetExitCode(states, host.signal.aborted);
}

/** What reads a build's options is loaded once it is known that there is a list. */
async function checkOptions(entries: readonly FleetEntry[], subject: string): Promise<void> {
  const { checkBuildWords } = await import('./check-build-words.ts');
  checkBuildWords(entries, subject);
}

function entryAt(entries: readonly FleetEntry[], index: number): FleetEntry {
  const entry = entries[index];
  if (entry !== undefined) return entry;
  throw usageError(
    '--index',
    `expected a number from 0 to ${entries.length - 1}, got ${index}`,
    'the first image is 0',
  );
}

/** What is recorded, whether or not it is still so. */
async function show(
  { console, isJson }: CommandContext,
  entries: readonly FleetEntry[],
  store: ResultStore,
): Promise<number> {
  const states: EntryState[] = [];
  for (const { output } of entries) {
    const result: FleetResult | undefined = await store.load(output);
    states.push(result ? { kind: 'kept', result } : { kind: 'not-made' });
  }
  new FleetReport(console, { file: '', entries }).end(states, isJson);
  return states.every(({ kind }) => kind === 'kept') ? exitCodes.done : exitCodes.failed;
}

async function openResults(
  { host, images, console }: CommandContext,
  { results, ...options }: FleetOptions,
  file: string,
): Promise<ResultStore> {
  if (results === '')
    throw usageError(
      '--results',
      'expected a place, got nothing',
      'name a directory, docker://HOST/NAME or oci:DIR',
    );
  if (results === undefined || !/^(?:docker:\/\/|oci:)/.test(results)) {
    checkCacheKey(options);
    return resultDirectory(resolve(host.workingDirectory, results ?? `${file}.results`));
  }
  const place = workspaceOf(images).images.artifactsAt(parseReference(results));
  const { cacheKey, show: isShown = false } = options;
  if (cacheKey !== undefined) return resultArtifacts(place, await readCacheKey(host, cacheKey, !isShown));
  if (isShown) {
    throw usageError(
      '--show',
      'there is no --cache-key: records in a registry or a layout count only if it has signed them',
      'give the public key',
    );
  }
  console.warn(`no result in ${place.name} counts without --cache-key: every image is made again`);
  return resultArtifacts(place, undefined);
}
