import { isUtf8 } from 'node:buffer';
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { usageError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import { filesNamedBy, runtimesIn, withPaths } from '../../fleet/file-options.ts';
import { type FleetEntry, parseFleet } from '../../fleet/fleet-file.ts';
import { type FleetFile, fleetManifests, fleetPlaces } from '../../kubernetes/fleet-job.ts';
import { parseReference } from '../../parts.ts';
import type { CommandContext } from '../options/command-context.ts';
import type { StoreOptions } from '../options/store-options.ts';
import { wholeNumber } from '../options/whole-number.ts';
import { exitCodes } from '../terminal/failure.ts';

export interface KubernetesFleetOptions extends Pick<StoreOptions, 'insecureRegistry' | 'caFile'> {
  readonly images?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly jobs?: number;
  readonly retries?: number;
  readonly workerImage?: string;
  readonly cacheRepository?: string;
  readonly results?: string;
  readonly keySecret?: string;
  readonly cacheSecret?: string;
  readonly registrySecret?: string;
}

export function addKubernetesFleetOptions(command: Command): void {
  command
    .option('--images <file>', 'with fleet: the list of gsc fleet')
    .option('--jobs <n>', 'with fleet: how many images at a time; default 4', wholeNumber('--jobs', 1))
    .option('--retries <n>', 'with fleet: for each image; default 2', wholeNumber('--retries', 0))
    .option('--worker-image <ref>', 'with fleet: the image of gsc that the cluster runs')
    .option('--cache-repository <repository>', 'with fleet: where layer indexes are shared')
    .option('--results <repository>', 'with fleet: where results are recorded; default: with the cache')
    .option('--namespace <name>', 'with fleet: of the Job')
    .option('--key-secret <name>', 'with fleet: the Secret with the signing key, key.pem')
    .option('--cache-secret <name>', 'with fleet: the Secret with the key of cache and results, cache.pem')
    .option('--registry-secret <name>', 'with fleet: the Secret with the logins, of type dockerconfigjson');
}

const fleetOnly = [
  ...(['images', 'namespace', 'jobs', 'retries', 'workerImage', 'cacheRepository', 'results'] as const),
  ...(['keySecret', 'cacheSecret', 'registrySecret'] as const),
];

const longOption = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The word that makes `gsc kubernetes` write a fleet. */
export const fleetMode = {
  word: 'fleet',
  description: 'a Job that makes a list of images',
  own: fleetOnly.map(longOption),
} as const;

/** True for `gsc kubernetes fleet --images FILE`. Throws a `usage` error for options of a fleet without it. */
export function isFleet(options: KubernetesFleetOptions, operand: string | undefined): boolean {
  if (options.images !== undefined && operand === fleetMode.word) return true;
  const given = fleetOnly.find((name) => options[name] !== undefined);
  if (given === undefined) return false;
  const hint = 'write gsc kubernetes fleet --images FILE --worker-image REF';
  throw usageError(longOption(given), 'it is an option of a fleet, and there is none', hint);
}

/** Writes the manifests of a fleet: a ConfigMap with the list and what it names, and an Indexed Job. */
export async function writeFleet(
  { host, console, isJson }: CommandContext,
  options: KubernetesFleetOptions,
): Promise<number> {
  const { images = '', name = 'gsc-fleet', workerImage, jobs = 4, retries = 2 } = options;
  if (workerImage === undefined)
    throw usageError('--worker-image', 'not given', 'name the image of gsc to run');
  const words = wordsOf(options);
  const list = resolve(host.workingDirectory, images);
  const content = (await readUserFile(list, 'list of images')).toString('utf8');
  const isSigned = options.keySecret !== undefined;
  const entries = parseFleet(content, { subject: images, isSigned });
  const { checkBuildWords } = await import('./check-build-words.ts');
  checkBuildWords(entries, images);
  for (const [index, entry] of entries.entries()) checkReachable(entry, `${images}: images[${index}]`);
  const collected = await collectFiles(entries, dirname(list));
  const caFiles = await readFiles(
    (options.caFile ?? []).map((file) => resolve(host.workingDirectory, file)),
    'ca',
  );
  const files = [...collected, ...caFiles];
  checkSize(files);
  const { keySecret: key, cacheSecret: cache, registrySecret: registry, namespace } = options;
  const text = fleetManifests({
    ...{ name, namespace, workerImage, count: entries.length, jobs, retries, files },
    words: [...words, ...caFiles.flatMap((file) => ['--ca-file', `${fleetPlaces.files}/${file.name}`])],
    secrets: { key, cache, registry },
  });
  console.result(isJson ? `${JSON.stringify({ manifest: text, notes: [] })}\n` : text);
  return exitCodes.done;
}

function wordsOf(options: KubernetesFleetOptions): readonly string[] {
  const { cacheRepository, results = cacheRepository, cacheSecret, insecureRegistry = [] } = options;
  if (results === undefined)
    throw usageError('--results', 'not given: a pod keeps nothing', 'name a repository, docker://HOST/NAME');
  for (const place of [cacheRepository, results])
    if (place !== undefined) checkRegistry(place, 'a repository');
  if (cacheRepository !== undefined && cacheSecret === undefined)
    throw usageError(
      '--cache-secret',
      'not given: indexes of layers have to be signed',
      'see docs/gsc-cache.md',
    );
  return [
    ...['--results', results],
    ...(cacheRepository ? ['--cache-from', cacheRepository, '--cache-to', cacheRepository] : []),
    ...insecureRegistry.flatMap((registry) => ['--insecure-registry', registry]),
  ];
}

/** A pod has no Engine, and none of this machine's files. */
function checkReachable({ image, output, options }: FleetEntry, where: string): void {
  checkRegistry(image, where);
  checkRegistry(output, where);
  for (const runtime of runtimesIn(options)) checkRegistry(runtime, where);
}

function checkRegistry(text: string, where: string): void {
  if (parseReference(text).kind === 'registry') return;
  throw usageError(where, `a cluster cannot reach ${text}`, 'write it as docker://HOST/NAME');
}

/** The list, rewritten for the place where the pods find it, and the files that it names. */
async function collectFiles(
  entries: readonly FleetEntry[],
  directory: string,
): Promise<readonly FleetFile[]> {
  const manifests = entries.flatMap((entry) => entry.manifests);
  const named = entries.flatMap(({ options }) => filesNamedBy(options).map(({ path }) => path));
  const paths = [...new Set([...manifests, ...named].map((path) => resolve(directory, path)))];
  const files = await readFiles(paths, 'file');
  const nameOf = (path: string) => files[paths.indexOf(resolve(directory, path))]?.name ?? path;
  const images = entries.map(({ image, output, ...entry }) => ({
    ...{ image, output },
    ...(entry.manifests.length > 0 && { manifest: entry.manifests.map(nameOf) }),
    options: withPaths(
      entry.options,
      filesNamedBy(entry.options).map((file) => ({ file, path: nameOf(file.path) })),
    ),
  }));
  const list = { name: 'images.yaml', content: Buffer.from(stringify({ images }, { lineWidth: 0 })) };
  const configurations = ['config.yaml', 'config.json'].filter((name) => existsSync(join(directory, name)));
  const found = configurations.map(async (name) => ({
    name,
    content: await readUserFile(join(directory, name), 'configuration'),
  }));
  return [list, ...(await Promise.all(found)), ...files];
}

/** Files by names that a ConfigMap takes. */
async function readFiles(paths: readonly string[], prefix: string): Promise<readonly FleetFile[]> {
  const read = paths.map(async (path, index) => ({
    name: `${prefix}-${index}-${basename(path).replace(/[^-._a-zA-Z0-9]/g, '-')}`.slice(0, 200),
    content: await readUserFile(path, 'file of the list'),
  }));
  return Promise.all(read);
}

/** What etcd, and so every cluster, takes for one object. */
const maximalConfigMapBytes = 1_000_000;

/** What is not text takes a third more, as base64. */
function storedBytes(content: Buffer): number {
  return isUtf8(content) ? content.length : Math.ceil(content.length / 3) * 4;
}

function checkSize(files: readonly FleetFile[]): void {
  const sizeBytes = files.reduce((sum, { content }) => sum + storedBytes(content), 0);
  if (sizeBytes <= maximalConfigMapBytes) return;
  throw usageError(
    'the list and its files',
    `expected at most ${maximalConfigMapBytes} bytes for a ConfigMap, got ${sizeBytes}`,
    'split the list into several fleets',
  );
}
