import { resolve } from 'node:path';
import { GscError } from '../../base/error.ts';
import { readUserFile } from '../../base/read-file.ts';
import { runtimesIn } from '../../fleet/file-options.ts';
import type { FleetEntry } from '../../fleet/fleet-file.ts';
import type { FleetResult } from '../../fleet/fleet-result.ts';
import { inputsDigest } from '../../fleet/inputs-digest.ts';
import type { ResultStore } from '../../fleet/result-store.ts';
import type { Attempt, FleetFailure } from '../../fleet/run-fleet.ts';
import type { ImageReference, Images } from '../../index.ts';
import { parseReference } from '../../parts.ts';
import type { CommandContext, CommonOptions } from '../options/command-context.ts';
import type { SharedCacheOptions } from '../options/shared-cache-options.ts';
import type { StoreOptions } from '../options/store-options.ts';
import { runSelf, type SelfRun } from '../terminal/run-self.ts';

export interface FleetOptions extends CommonOptions, StoreOptions, SharedCacheOptions {
  readonly images: string;
  readonly jobs?: number;
  readonly retries: number;
  readonly results?: string;
  readonly index?: number;
  readonly show?: boolean;
  readonly force?: boolean;
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly passphraseEnv?: string;
  readonly signerTimeout?: string;
  readonly date?: string;
}

/** What all images of a fleet have in common. */
export interface FleetOrder {
  readonly context: CommandContext;
  readonly options: FleetOptions;
  /** For a look at what is there. */
  readonly quiet: Images;
  /** Of the list: what paths in it are relative to. */
  readonly directory: string;
}

/**
 * The recorded result of an entry, if it is made from the same, and is still where it was. What an Engine or an archive has does not
 * show without reading it: there, the build itself finds out that it was made before.
 */
export async function findKept(
  order: FleetOrder,
  store: ResultStore,
  entry: FleetEntry,
): Promise<FleetResult | undefined> {
  const known = await store.load(entry.output);
  // Where a runtime in an Engine or an archive has changed, nothing tells.
  if ((await runtimesOf(order, entry)).includes(null)) return undefined;
  if (known?.app === undefined || known.inputs !== (await inputsOf(order, entry))) return undefined;
  const app = await manifestDigest(order, entry.image);
  const output = await manifestDigest(order, entry.output);
  return app === known.app && output === known.digest ? known : undefined;
}

/** Makes one image by a process of gsc, whose end, however it comes, is nobody else's. */
export async function makeEntry(order: FleetOrder, entry: FleetEntry, attempt: number): Promise<Attempt> {
  const { host, console } = order.context;
  const [inputs, app] = [await inputsOf(order, entry), await manifestDigest(order, entry.image)];
  const start = performance.now();
  const run = await runSelf(host, wordsOf(order, entry), order.directory);
  for (const warning of warningsIn(run)) console.warn(`${entry.image}: ${warning}`);
  const answer = answerIn(run);
  const failure = failureIn(run, answer);
  if (failure) return { kind: 'failed', failure };
  const { digest, image_id, mr_enclave, outcome } = answer as Readonly<Record<string, string>>;
  const result: FleetResult = {
    ...{ image: entry.image, output: entry.output, inputs, digest: digest ?? '', attempts: attempt },
    ...(app !== undefined && { app }),
    ...(image_id !== undefined && { image_id }),
    ...(mr_enclave !== undefined && { mr_enclave }),
    seconds: Number(((performance.now() - start) / 1000).toFixed(3)),
  };
  return { kind: 'made', isNew: outcome !== 'unchanged', result };
}

/** The call of gsc build. The list's words come first, so that the fleet's own count. */
function wordsOf({ context: { host }, options }: FleetOrder, entry: FleetEntry): readonly string[] {
  const path = (file: string) => resolve(host.workingDirectory, file);
  const each = (name: string, values: readonly string[] = []) => values.flatMap((value) => [name, value]);
  const one = (name: string, value: string | undefined) => (value === undefined ? [] : [name, value]);
  const { key, passphraseFile, cacheFrom = [], cacheTo, cacheKey, caFile = [] } = options;
  const isFile = key !== undefined && isKeyFile(key);
  const hasCache = cacheFrom.length > 0 || cacheTo !== undefined;
  return [
    ...['build', ...entry.options, '--json', '--progress', 'json', '--output', entry.output],
    ...one('--key', isFile ? path(key) : key),
    ...one('--passphrase-file', passphraseFile && path(passphraseFile)),
    ...one('--passphrase-env', options.passphraseEnv),
    ...one('--signer-timeout', options.signerTimeout),
    ...one('--date', options.date),
    ...(options.force ? ['--force'] : []),
    ...each(
      '--cache-from',
      cacheFrom.map((place) => placeFrom(host.workingDirectory, place)),
    ),
    ...one('--cache-to', cacheTo && placeFrom(host.workingDirectory, cacheTo)),
    ...one('--cache-key', hasCache ? cacheKey && path(cacheKey) : undefined),
    ...each('--insecure-registry', options.insecureRegistry),
    ...each('--ca-file', caFile.map(path)),
    ...['--', entry.image, ...entry.manifests],
  ];
}

/** Others are on a token, or behind a program. */
function isKeyFile(key: string): boolean {
  return !/^(?:pkcs11|exec):/i.test(key);
}

/** Of a place on the command line, which is relative to where gsc was called and not to the list. */
function placeFrom(workingDirectory: string, place: string): string {
  return place.startsWith('oci:') ? `oci:${resolve(workingDirectory, place.slice('oci:'.length))}` : place;
}

async function inputsOf(order: FleetOrder, entry: FleetEntry): Promise<string> {
  const { context, options, directory } = order;
  const { host } = context;
  const { key, date } = options;
  const signing =
    key !== undefined && isKeyFile(key)
      ? await readUserFile(resolve(host.workingDirectory, key), 'key')
      : key;
  const epoch = host.environment.SOURCE_DATE_EPOCH;
  return inputsDigest(entry, directory, { signing, date, epoch, runtimes: await runtimesOf(order, entry) });
}

/** What the tags of its runtimes stand for now; files among them count by their content. */
async function runtimesOf(order: FleetOrder, { options }: FleetEntry): Promise<readonly (string | null)[]> {
  const images = runtimesIn(options).filter((runtime) => runtime.includes(':'));
  return Promise.all(images.map(async (image) => (await manifestDigest(order, image)) ?? null));
}

/** Undefined where an image has no manifest that is named by it, where there is none, and where it cannot be asked for. */
async function manifestDigest({ quiet, directory }: FleetOrder, text: string): Promise<string | undefined> {
  const reference = inDirectory(parseReference(text), directory);
  if (reference.kind !== 'registry' && reference.kind !== 'oci') return undefined;
  return (await openQuietly(quiet, reference))?.image.manifest.digest;
}

function openQuietly(images: Images, reference: ImageReference) {
  return images.open(reference).catch((error: unknown) => {
    if (error instanceof GscError) return undefined;
    throw error;
  });
}

function inDirectory(reference: ImageReference, directory: string): ImageReference {
  return 'path' in reference ? { ...reference, path: resolve(directory, reference.path) } : reference;
}

function answerIn({ stdout }: SelfRun): Readonly<Record<string, unknown>> | undefined {
  const line = stdout.trimEnd().split('\n').at(-1) ?? '';
  return objectOf(line);
}

function failureIn(
  { code, signal, stderr }: SelfRun,
  answer: ReturnType<typeof answerIn>,
): FleetFailure | undefined {
  if (code === 0 && typeof answer?.digest === 'string') return undefined;
  const said = answer?.error ?? eventsIn(stderr).find(({ event }) => event === 'error');
  if (typeof said === 'object' && said !== null && 'message' in said) {
    const { code: kind = 'internal', subject, message, hint } = said as Record<string, string>;
    const isPassing = 'passing' in said && said.passing === true;
    return {
      code: kind,
      ...(subject && { subject }),
      message: message ?? '',
      ...(hint && { hint }),
      isPassing,
    };
  }
  const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  const message = `the process ${how} without a result ${stderr.slice(-500)}`.trim();
  return { code: 'crashed', message, isPassing: true };
}

function warningsIn({ stderr }: SelfRun): readonly string[] {
  return eventsIn(stderr).flatMap(({ event, level, text }) =>
    event === 'message' && level === 'warning' ? [String(text)] : [],
  );
}

function eventsIn(stderr: string): readonly Readonly<Record<string, unknown>>[] {
  return stderr.split('\n').flatMap((line) => [objectOf(line) ?? []].flat());
}

function objectOf(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    // Cut short by the end of the process.
    return undefined;
  }
}
