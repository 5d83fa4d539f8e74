import { GscError, usageError } from '../../base/error.ts';
import type { ImageReference } from '../../index.ts';
import { changeManifest, type ManifestChange } from '../../kubernetes/change-manifest.ts';
import { type DevicePlugin, devicePlugins } from '../../kubernetes/device-plugin.ts';
import { type ManifestKind, manifestKinds, newManifest } from '../../kubernetes/new-manifest.ts';
import { type ContainerNeeds, showReference } from '../../parts.ts';
import { showFullName, showImageName } from '../../reference/image-name.ts';
import { choiceOption } from '../options/choice-option.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { addMode } from '../options/command-mode.ts';
import { openGraminized } from '../options/graminized-image.ts';
import { readInput } from '../options/input-file.ts';
import { groupOptions } from '../options/option-groups.ts';
import { parseSize } from '../options/size-option.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { resourceName } from '../reports/expected-values.ts';
import { exitCodes } from '../terminal/failure.ts';
import {
  addKubernetesFleetOptions,
  fleetMode,
  isFleet,
  type KubernetesFleetOptions,
  writeFleet,
} from './kubernetes-fleet.ts';

interface Options extends CommonOptions, StoreOptions, KubernetesFleetOptions {
  readonly file?: string;
  readonly image?: string;
  readonly name?: string;
  readonly kind: ManifestKind;
  readonly devicePlugin: DevicePlugin;
  readonly attestation?: 'aesmd' | 'none';
  readonly epc?: number;
}

export const addKubernetes: AddCommand = (program, act) => {
  const command = program
    .command('kubernetes')
    .summary('write a Kubernetes manifest for a signed image')
    .description(
      'Writes a manifest that runs a signed image in a cluster, or changes an existing one so that it does; on standard output.',
    )
    .argument(
      '[IMAGE]',
      'the signed image, for a new manifest; or the word fleet, for a Job that makes --images',
    )
    .option('-f, --file <file>', 'an existing manifest to change; - is standard input')
    .option('--image <container=image>', 'with -f: the container that should run this signed image')
    .option('--name <name>', 'of the new resource and its container; default: after the image')
    .addOption(choiceOption('--kind <kind>', 'of the new resource', manifestKinds).default('pod'))
    .addOption(
      choiceOption(
        '--device-plugin <plugin>',
        'what gives enclaves their memory in the cluster',
        devicePlugins,
      ).default('intel'),
    )
    .addOption(
      choiceOption(
        '--attestation <provider>',
        'what makes quotes; default: aesmd if the image makes quotes',
        ['aesmd', 'none'],
      ),
    )
    .option('--epc <size>', "EPC to ask for, such as 512MiB; default: the enclave's size", parseSize)
    .action(act(kubernetes));
  addKubernetesFleetOptions(command);
  addMode(command, { ...fleetMode, foreign: imageOnly.map(([, long]) => long) });
  addStoreOptions(command);
  groupOptions(command);
};

async function kubernetes(context: CommandContext, options: Options, imageText?: string): Promise<number> {
  if (isFleet(options, imageText)) {
    checkFleetOptions(options);
    return writeFleet(context, options);
  }
  const { images, console, isJson } = context;
  const { container, image: name } = wantedImage(options, imageText);
  const { reference, needs } = await openGraminized(images, name);
  checkIsSigned(needs, name);
  checkHasPlugin(needs, name);
  const image = nameInCluster(reference);
  const named = container ?? options.name ?? resourceName(reference);
  checkName(named);
  const manifest = await readOrMake(context, options, { name: named, image });
  const { text, notes } = changeManifest(manifest, needs, {
    ...changeOf(options, needs),
    container: named,
    image,
  });
  for (const note of notes) console.warn(note);
  if (needs.isStandIn)
    console.warn('the runtime in this image is a stand-in for tests: it has no enclave and protects nothing');
  console.result(isJson ? `${JSON.stringify({ manifest: text, notes })}\n` : text);
  return exitCodes.done;
}

/** IMAGE, or `--image CONTAINER=IMAGE` with `-f`. */
function wantedImage({ file, image }: Options, imageText: string | undefined) {
  if (file === undefined && image === undefined && imageText !== undefined) return { image: imageText };
  const [, container, name] = /^([^=]+)=(.+)$/.exec(image ?? '') ?? [];
  if (file !== undefined && imageText === undefined && container !== undefined && name !== undefined) {
    return { container, image: name };
  }
  throw new GscError({
    code: 'usage',
    subject: 'command line',
    message: 'expected IMAGE alone for a new manifest, or -f FILE and --image CONTAINER=IMAGE',
    hint: 'write gsc kubernetes gsc-app:1, or gsc kubernetes -f deployment.yaml --image app=gsc-app:1',
  });
}

function changeOf(
  { devicePlugin, attestation, epc }: Options,
  needs: ContainerNeeds,
): Omit<ManifestChange, 'container' | 'image'> {
  return {
    plugin: devicePlugin,
    epcBytes: epc === undefined ? needs.enclaveSizeBytes : BigInt(epc),
    usesAesm: attestation === undefined ? needs.usesAesm : attestation === 'aesmd',
  };
}

async function readOrMake(
  { host }: CommandContext,
  { file, kind }: Options,
  { name, image }: { readonly name: string; readonly image: string },
): Promise<{ readonly text: string; readonly subject: string }> {
  if (file === undefined) return { text: newManifest(kind, name, image), subject: 'the new manifest' };
  const bytes = await readInput(host, file, 'manifest');
  return { text: bytes.toString('utf8'), subject: file };
}

function checkIsSigned({ isSigned }: ContainerNeeds, name: string): void {
  if (isSigned) return;
  throw new GscError({
    code: 'state',
    subject: name,
    message: 'expected a signed image, got an unsigned one: no enclave starts without a signature',
    hint: 'sign it with gsc sign-image',
  });
}

/** Device plugins hand out the device of the kernel's driver. Others take a privileged container, which is not worth an enclave. */
function checkHasPlugin({ host }: ContainerNeeds, name: string): void {
  if (host.isKernelsDriver) return;
  const devices = host.devices.flatMap(({ paths }) => paths.slice(0, 1)).join(' and ');
  throw new GscError({
    code: 'state',
    subject: name,
    message: `its runtime needs ${devices}, and no device plugin of Kubernetes gives a container these`,
    hint: 'start it with docker run: gsc run --dry-run prints the command line',
  });
}

/** Clusters pull from registries: an Engine's name is taken for one there. */
function nameInCluster(reference: ImageReference): string {
  if (reference.kind === 'registry') return showFullName(reference.name);
  if ('image' in reference && reference.image.kind === 'name') return showImageName(reference.image);
  throw new GscError({
    code: 'usage',
    subject: showReference(reference),
    message: 'a cluster cannot pull it: it has no name in a registry',
    hint: 'push it, and write docker://HOST/NAME:TAG',
  });
}

/** Options about one image. */
const imageOnly = [
  ['file', '--file'],
  ['image', '--image'],
  ['kind', '--kind'],
  ['devicePlugin', '--device-plugin'],
  ['attestation', '--attestation'],
  ['epc', '--epc'],
  ['platform', '--platform'],
] as const;

/** What is about one image would be given in vain. */
function checkFleetOptions({ kind, devicePlugin, ...options }: Options): void {
  for (const name of [options.name, options.namespace]) if (name !== undefined) checkName(name);
  const given = {
    ...options,
    ...(kind !== 'pod' && { kind }),
    ...(devicePlugin !== 'intel' && { devicePlugin }),
  };
  const vain = imageOnly.find(([name]) => name in given);
  if (vain) throw usageError(vain[1], 'it is about one image, not about a fleet', 'leave it out');
}

/** RFC 1123, as Kubernetes wants names of containers. */
function checkName(name: string): void {
  if (/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return;
  throw new GscError({
    code: 'usage',
    subject: '--name',
    message: `expected up to 63 lower case letters, digits and dashes, got ${JSON.stringify(name)}`,
    hint: 'write it as in --name shop-api',
  });
}
