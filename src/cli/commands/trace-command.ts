import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { fileExists, writeFileAtomically } from '../../base/atomic-file.ts';
import { GscError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import { showCount, showCounted } from '../../base/show-size.ts';
import { startDirectoryOf, tracedEntries, traceLog, traceVariant } from '../../graminize/trace-variant.ts';
import { graminizedPaths } from '../../image/graminized-paths.ts';
import {
  type FileTree,
  type Graminized,
  graminize,
  type OpenedImage,
  type Profile,
  type Runtime,
} from '../../index.ts';
import { workspaceOf } from '../../library/images.ts';
import { fullNameOf, parseReference, showReference } from '../../parts.ts';
import { profileOf } from '../../profile/profile.ts';
import { parseImageName, showImageName } from '../../reference/image-name.ts';
import { launchArguments } from '../../runtime/launch.ts';
import type { Engine } from '../../store/engine/engine.ts';
import { removeImages } from '../../store/engine/remove-images.ts';
import { transportOf } from '../../store/opened-image.ts';
import { mergeProfiles, parseProfile, writeProfile } from '../../tools.ts';
import type { Probe } from '../../trace/probe.ts';
import { runTraced, type TracedRun } from '../../trace/traced-run.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import {
  addContentOptions,
  type ContentOptions,
  type ContentWishes,
  readContentOptions,
} from '../options/content-options.ts';
import { parseHttpProbe } from '../options/http-probe.ts';
import { openOnce } from '../options/open-once.ts';
import { groupOptions } from '../options/option-groups.ts';
import { repeatable } from '../options/repeatable.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions, ContentOptions, StoreOptions {
  readonly probe?: readonly string[];
  readonly http?: readonly string[];
  readonly for?: number;
  readonly output?: string;
  readonly add?: string;
}

export const addTrace: AddCommand = (program, act) => {
  const command = program
    .command('trace')
    .summary('find out which files an application opens')
    .description(
      'Runs the application of an image on Gramine without an enclave, in an Engine, and writes a profile of the files that it opens, for gsc build --profile.',
    )
    .argument('IMAGE', 'the app image')
    .argument('[MANIFEST]', "a Gramine manifest; its keys override gsc's")
    .option('--probe <command>', 'run this command of the shell until it succeeds (repeatable)', repeatable)
    .option(
      '--http <url>',
      'request this URL until it answers; localhost is the container (repeatable)',
      repeatable,
    )
    .addOption(
      new Option(
        '--for <seconds>',
        'how long to let it run after the probes; default 2, without probes 30',
      ).argParser(parseSeconds),
    )
    .option('-o, --output <profile>', 'the profile to write; default standard output')
    .option('--add <profile>', 'add what is missing to this profile')
    .option('--no-cache', 'neither read nor write the cache of layer indexes; rebuild a runtime (also -nc)')
    .action(act(trace));
  addContentOptions(command);
  addStoreOptions(command);
  groupOptions(command);
};

function parseSeconds(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a number of seconds.');
}

async function trace(
  context: CommandContext,
  options: Options,
  imageText: string,
  manifestFile?: string,
): Promise<number> {
  const { host, images, console } = context;
  const probes = probesOf(options);
  const known = await readKnown(context, options.add);
  refuseExisting(context, options);
  const { wishes, findRuntime } = await readContentOptions(context, options, manifestFile);
  const openApp = openOnce(images, parseReference(imageText));
  const runtime = await (await findRuntime(async () => (await openApp()).image)).open();
  const app = await openApp();
  if (runtime.version.family !== 'gramine') throw onlyGramine(runtime);
  const run = await prepareRun(context, { app, runtime, wishes: traceVariant(wishes) });
  try {
    const found = await runTraced(
      { host, engine: run.engine, reporter: console },
      tracedRun(run, probes, options),
    );
    const profile = profileOf(
      tracedEntries(found, { manifest: run.graminized.manifest, tree: run.tree }),
      headerOf(run),
    );
    if (profile.entries.length === 0) throw nothingTraced(imageText);
    console.say(
      `${showCounted(profile.entries.length, 'file')} of the image opened by ${showCount(found.processCount)} ${found.processCount === 1 ? 'process' : 'processes'}`,
    );
    return await writeResult(context, options, { profile, known });
  } finally {
    await run.remove();
    host.signal.throwIfAborted();
  }
}

function probesOf({ probe = [], http = [] }: Options): readonly Probe[] {
  return [...probe.map((command) => ({ kind: 'command', command }) as const), ...http.map(parseHttpProbe)];
}

/** Now, and not after the minutes that a run may take. */
function refuseExisting({ host }: CommandContext, { output, add }: Options): void {
  if (output === undefined || output === add) return;
  const file = resolve(host.workingDirectory, output);
  if (existsSync(file)) throw fileExists(file);
}

async function readKnown({ host }: CommandContext, file: string | undefined): Promise<Profile | undefined> {
  if (file === undefined) return undefined;
  return parseProfile(await readUserFile(resolve(host.workingDirectory, file), 'profile'), file);
}

/** The image to be traced, in an Engine under a name that goes again. */
interface PreparedRun {
  readonly engine: Engine;
  readonly imageName: string;
  readonly appName: string;
  readonly graminized: Graminized;
  readonly tree: FileTree;
  readonly remove: () => Promise<void>;
}

interface RunParts {
  readonly app: OpenedImage;
  readonly runtime: Runtime;
  readonly wishes: ContentWishes;
}

async function prepareRun(
  { images }: CommandContext,
  { app, runtime, wishes }: RunParts,
): Promise<PreparedRun> {
  const engine = await workspaceOf(images).images.engine();
  const name = parseImageName(`gsc-trace:${randomUUID().slice(0, 8)}`);
  const writer = await images.openWriter(
    { kind: transportOf(engine), image: name },
    { force: true, sharedWith: [app] },
  );
  try {
    const { tree } = await images.scan(app.image, { writer });
    const graminized = await graminize(app.image, runtime, {
      ...wishes,
      tree,
      name: showImageName(name),
    });
    await writer.commit(graminized.image);
    const id = graminized.image.configDescriptor.digest;
    const appName = fullNameOf(app.reference) ?? showReference(app.reference);
    return {
      ...{ engine, graminized, tree, appName },
      imageName: showImageName(name),
      remove: () => removeImages(engine, [id]),
    };
  } finally {
    await writer.abort();
  }
}

/** Graphene's log has another form, and its loaders read no GRAMINE_MODE. */
function onlyGramine({ subject }: Runtime): GscError {
  return new GscError({
    code: 'usage',
    subject,
    message: 'expected a Gramine runtime to trace with, got Graphene',
    hint: 'trace with a Gramine runtime (--runtime): gsc build takes the profile with Graphene too',
  });
}

function tracedRun(
  { imageName, appName, graminized }: PreparedRun,
  probes: readonly Probe[],
  { network, for: seconds }: Options,
): TracedRun {
  const { image, manifest } = graminized;
  const hasShell = image.config.config?.Entrypoint?.includes(graminizedPaths.appLoader) === true;
  return {
    ...{ image: imageName, title: appName, probes, log: traceLog },
    ...(!hasShell && { entrypoint: launchArguments('direct') }),
    ...(network !== undefined && { network }),
    ...(seconds !== undefined && { seconds }),
    startDirectory: startDirectoryOf(manifest),
  };
}

function headerOf({ appName }: PreparedRun): readonly string[] {
  return [
    `gsc profile of ${appName}`,
    'The files that it opened, written by gsc trace: review them, and add what it opens at other times.',
    'One path or pattern per line; gsc build --profile trusts these and what their use implies.',
  ];
}

async function writeResult(
  { host, console, isJson }: CommandContext,
  { output, add }: Options,
  { profile, known }: { readonly profile: Profile; readonly known: Profile | undefined },
): Promise<number> {
  const merged = known ? mergeProfiles(known, profile) : profile;
  const text = writeProfile(merged);
  const file = output ?? add;
  const knownPatterns = new Set(known?.entries.map(({ pattern }) => pattern));
  const added = profile.entries.filter(({ pattern }) => !knownPatterns.has(pattern)).length;
  if (known) console.say(`${showCount(added)} of them ${added === 1 ? 'was' : 'were'} not in ${add} yet`);
  if (file !== undefined)
    await writeFileAtomically(resolve(host.workingDirectory, file), text, {
      mode: 0o644,
      existing: file === add ? 'replace' : 'refuse',
    });
  const result = {
    profile: file ?? null,
    files: merged.entries.length,
    added,
    ...(file === undefined && { text }),
  };
  if (isJson) console.result(`${JSON.stringify(result)}\n`);
  else console.result(file === undefined ? text : `${file}\n`);
  if (file !== undefined && !isJson)
    console.say(`gsc build --profile ${file} IMAGE trusts these files and what their use implies`);
  return exitCodes.done;
}

function nothingTraced(subject: string): GscError {
  return new GscError({
    code: 'trace',
    subject,
    message: 'the log of the run names no file of the image',
    hint: 'the application did not start: gsc build it and run it with GRAMINE_MODE=direct to see why',
  });
}
