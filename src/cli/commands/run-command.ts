import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { resolve } from 'node:path';
import { GscError } from '../../base/error.ts';
import { findProgram } from '../../base/find-program.ts';
import { devicesFor, type Machine, missingDevice } from '../../doctor/sgx-machine.ts';
import type { ImageReference } from '../../index.ts';
import { workspaceOf } from '../../library/images.ts';
import { type ContainerNeeds, showReference } from '../../parts.ts';
import { showFullName, showImageName } from '../../reference/image-name.ts';
import { type Attachment, type BindMount, containerLine } from '../../run/container-line.ts';
import { transportOf } from '../../store/opened-image.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { openGraminized } from '../options/graminized-image.ts';
import { repeatable } from '../options/repeatable.ts';
import { listOfMounts, listOfSecretFiles } from '../options/run-values.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { showCommand } from '../reports/start-report.ts';
import { exitCodes } from '../terminal/failure.ts';
import { runChild } from '../terminal/run-child.ts';

interface Options extends CommonOptions, StoreOptions {
  readonly direct?: boolean;
  readonly dryRun?: boolean;
  readonly detach?: boolean;
  readonly name?: string;
  readonly network?: string;
  readonly publish?: readonly string[];
  readonly env?: readonly string[];
  readonly mount?: readonly BindMount[];
  readonly secret?: readonly (readonly [name: string, file: string])[];
}

export const addRun: AddCommand = (program, act) => {
  const command = program
    .command('run')
    .summary('start a graminized image')
    .description(
      'Starts a container of a graminized image with what it needs: devices, AESM, volumes, secrets. It runs docker or podman.',
    )
    .argument('IMAGE', 'the graminized image')
    .argument('[ARG...]', 'for the application, if it takes arguments; after -- if they begin with a dash')
    .option('--direct', 'without an enclave and without protection, on any machine')
    .option('--dry-run', 'print the command line in place of running it')
    .option('-d, --detach', 'in the background')
    .option('--name <name>', 'name of the container')
    .option('--network <mode>', 'as in docker run')
    .option('-p, --publish <ports>', 'as in docker run (repeatable)', repeatable)
    .option('-e, --env <name[=value]>', 'set a variable of the container (repeatable)', repeatable)
    .option('--mount <source:path>', 'mount a volume or a directory (repeatable)', listOfMounts)
    .option(
      '--secret <name=file>',
      'the file of a secret that the image expects (repeatable)',
      listOfSecretFiles,
    )
    .action(act(run));
  addStoreOptions(command);
};

async function run(
  context: CommandContext,
  options: Options,
  imageText: string,
  ...rest: readonly (string | readonly string[])[]
): Promise<number> {
  const { host, console, images, isJson } = context;
  const { reference, needs } = await openGraminized(images, imageText);
  const started = await startedBy(context, reference);
  const line = containerLine(needs, {
    ...started,
    ...(await choicesOf(context, needs, options)),
    volumePrefix: volumePrefixOf(reference),
    arguments: rest.flat(),
  });
  warn(context, needs, options);
  if (options.dryRun) {
    console.result(isJson ? `${JSON.stringify({ command: line })}\n` : `${showCommand(line)}\n`);
    return exitCodes.done;
  }
  if (options.direct !== true) await checkDevices(needs);
  const [program = '', ...words] = line;
  const path = await findProgram(program, host.environment);
  if (path === undefined) throw noProgram(program);
  const { environment, workingDirectory } = host;
  return runChild(path, words, { environment, workingDirectory, hasTerminal: host.stdin.isTTY === true });
}

async function choicesOf({ host }: CommandContext, needs: ContainerNeeds, options: Options) {
  const { direct, detach, name, network, publish = [], env = [], mount = [], secret = [] } = options;
  const hasTerminal = host.stdin.isTTY === true && host.stdout.isTTY === true;
  const attachment: Attachment = detach ? 'detached' : hasTerminal ? 'terminal' : 'input';
  return {
    mode: direct ? ('direct' as const) : ('sgx' as const),
    devices: await devicesFor(thisMachine(), needs.host),
    attachment,
    publish,
    environment: env,
    mounts: mount.map((each) => ({ ...each, source: sourceOf(each.source, host.workingDirectory) })),
    secrets: new Map(
      secret.map(([key, file]) => [key, existingFile(resolve(host.workingDirectory, file), file)]),
    ),
    ...(name !== undefined && { name }),
    ...(network !== undefined && { network }),
  };
}

/** A path is made absolute, which old engines want; a word without a slash is a volume's name. */
function sourceOf(source: string, workingDirectory: string): string {
  return /^\.{0,2}\/|^\.{1,2}$/.test(source) ? resolve(workingDirectory, source) : source;
}

/** Where nothing is, docker would make a directory. */
function existingFile(path: string, file: string): string {
  if (existsSync(path)) return path;
  throw new GscError({ code: 'not-found', subject: file, message: 'there is no such file for a secret' });
}

/** Which program knows the image, and by what name. */
async function startedBy({ images }: CommandContext, reference: ImageReference) {
  switch (reference.kind) {
    case 'docker-daemon':
    case 'containers-storage': {
      const program = reference.kind === 'docker-daemon' ? 'docker' : 'podman';
      const { image } = reference;
      return { program, image: image.kind === 'id' ? image.digest : showImageName(image) } as const;
    }
    case 'registry': {
      const transport = transportOf(await workspaceOf(images).images.engine());
      const program = transport === 'docker-daemon' ? 'docker' : 'podman';
      return { program, image: showFullName(reference.name) } as const;
    }
    default: {
      const shown = showReference(reference);
      throw new GscError({
        code: 'usage',
        subject: shown,
        message: 'an engine starts what it has itself, or what a registry has',
        hint: `copy it first: skopeo copy ${shown} docker-daemon:NAME:TAG`,
      });
    }
  }
}

function volumePrefixOf(reference: ImageReference): string {
  const image = 'image' in reference ? reference.image : 'name' in reference ? reference.name : undefined;
  if (image === undefined) return 'gsc';
  return image.kind === 'id' ? image.digest.slice(7, 19) : (image.path.split('/').at(-1) ?? 'gsc');
}

function warn({ console }: CommandContext, needs: ContainerNeeds, { direct, env = [] }: Options): void {
  if (needs.isStandIn)
    console.warn('the runtime in this image is a stand-in for tests: it has no enclave and protects nothing');
  if (direct) console.warn('direct mode: there is no enclave, and nothing is protected');
  for (const name of env.map((variable) => variable.split('=', 1)[0] ?? '')) {
    if (needs.passedVariables.includes(name)) continue;
    console.warn(
      `--env ${name}: the application does not see it; build with --env ${name} to pass it through`,
    );
  }
}

function thisMachine(): Machine {
  return { root: '/', kernelRelease: release() };
}

async function checkDevices({ host }: ContainerNeeds): Promise<void> {
  const missing = await missingDevice(thisMachine(), host);
  if (missing === undefined) return;
  throw new GscError({
    code: 'engine',
    subject: missing.paths[0] ?? '',
    message: 'this machine does not have this SGX device, and no enclave starts without it',
    hint: 'gsc doctor IMAGE says what is missing; gsc run --direct tries the image without protection',
  });
}

function noProgram(program: string): GscError {
  return new GscError({
    code: 'engine',
    subject: program,
    message: 'the program is not on PATH, and gsc run starts containers with it',
    hint: 'install it, or print the command line with gsc run --dry-run',
  });
}
