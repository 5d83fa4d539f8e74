import { GscError } from '../base/error.ts';
import { manifestHash, profileHash } from '../graminize/build-record.ts';
import type { Image } from '../image/image.ts';
import { labels } from '../image/labels.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ImageScan } from '../scan/image-scan.ts';
import { failed, failures, type ImageCheck, mismatch, notChecked, ok, okUnless } from './check.ts';
import { diffFacts, isSame, showDifference } from './diff-facts.ts';
import { type GraminizedImage, showLayer } from './graminized-image.ts';
import { factsOf, type ImageFacts } from './image-facts.ts';
import { type RebuildSource, type Rebuilt, rebuild, scanBase } from './rebuild.ts';

const protection = 'measured';

/** Group 5: the app image is in the image as it is, and the same build gives the same manifest and the same MRENCLAVE. */
export async function rebuildChecks(
  image: GraminizedImage,
  source: RebuildSource | undefined,
  runtime: Runtime | undefined,
): Promise<readonly ImageCheck[]> {
  if (source === undefined) {
    const detail = 'no app image was given: --base REF, with --manifest FILE if there was one';
    return [
      notChecked('base-image', { subject: image.image.name, detail }),
      notChecked('rebuild', { subject: image.image.name, detail, protection }),
    ];
  }
  const scan = await scanBase(image, source.app);
  return [...baseImageChecks(image, source.app), await rebuildCheck(image, source, { runtime, scan })];
}

function baseImageChecks({ image }: GraminizedImage, app: Image): readonly ImageCheck[] {
  const name = 'base-image';
  const differing = app.layers.flatMap(({ diffId }, index) => {
    const got = image.layers[index]?.diffId ?? 'none';
    const subject = `layer ${index + 1} of ${app.layers.length} of ${app.name}`;
    return got === diffId ? [] : [{ subject, detail: mismatch(diffId, got) }];
  });
  return okUnless(failures(name, differing, app.name), name, () => ({
    subject: app.name,
    detail: `its ${app.layers.length} layers are the image's lowest`,
  }));
}

interface GivenParts {
  readonly runtime: Runtime | undefined;
  readonly scan: ImageScan;
}

async function rebuildCheck(
  image: GraminizedImage,
  source: RebuildSource,
  parts: GivenParts,
): Promise<ImageCheck> {
  const subject = source.app.name;
  const missing = missingInput(image, source);
  if (missing !== undefined) return notChecked('rebuild', { subject, detail: missing, protection });
  const extra = extraManifests(image, source);
  if (extra !== undefined) return failed('rebuild', { subject, detail: extra, protection });
  try {
    return judge(image, await rebuild(image, source, parts), { source, runtime: parts.runtime });
  } catch (error) {
    if (!(error instanceof GscError) || error.code === 'aborted') throw error;
    return failed('rebuild', { subject, detail: `it cannot be built again: ${error.message}`, protection });
  }
}

/** A build with inputs that nobody gives again cannot be repeated; one with others is not the same build. */
function missingInput({ record }: GraminizedImage, source: RebuildSource): string | undefined {
  const { manifest, childManifests = [], profile } = source;
  if (record.value === undefined) return `how it was built is not known: ${record.problem}`;
  const { options } = record.value;
  if (options.manifest !== undefined && manifest === undefined)
    return 'it was built with a manifest of the user: give it with --manifest FILE';
  const names = (options.children ?? []).map(({ name }) => name);
  if (childManifests.length < names.length)
    return `it was built with manifests of the user for ${names.length} programs besides the first${names.map((name) => `, ${name}`).join('')}: give all with --manifest FILE, in the order of the build`;
  if (options.profile !== undefined && profile === undefined)
    return 'it was built with a profile: give it with --profile FILE';
  return undefined;
}

/** Manifests of programs that have no enclave of their own in the image: no build with them gives it. */
function extraManifests(
  { record }: GraminizedImage,
  { manifest, childManifests = [] }: RebuildSource,
): string | undefined {
  const { manifest: first, children = [] } = record.value?.options ?? {};
  if (childManifests.length <= children.length) return undefined;
  const countOf = (main: unknown, others: readonly unknown[]) => others.length + (main === undefined ? 0 : 1);
  const given = countOf(manifest, childManifests);
  return `${given} manifests were given, and it was built with ${countOf(first, children)}`;
}

interface Inputs {
  readonly source: RebuildSource;
  readonly runtime: Runtime | undefined;
}

function judge(image: GraminizedImage, rebuilt: Rebuilt, { source, runtime }: Inputs): ImageCheck {
  const finding = { subject: source.app.name, protection } as const;
  const how =
    runtime === undefined ? 'the runtime in the image (--runtime gives another one)' : runtime.subject;
  const [before, after] = [comparable(rebuilt.image, image), comparable(image, rebuilt.image)];
  const difference = diffFacts(before, after);
  const what = [
    ...differencesIn(image, rebuilt),
    ...(isSame(difference) ? [] : ['it is not the same image']),
  ];
  if (what.length === 0) {
    const detail = `built again with ${how}: the same layers, configuration, manifest and MRENCLAVE ${rebuilt.mrEnclaves.join(', ')}`;
    return ok('rebuild', { ...finding, detail });
  }
  const found = showDifference(difference, mostChanges);
  const lines = found.length > 0 ? found : ['the same values in another order or layout'];
  const detail = `built again with ${how}: ${[...what, ...otherInputs(image, source)].join('; ')}`;
  return failed('rebuild', { ...finding, detail, lines: ['- the rebuild, + the image', ...lines] });
}

/** What has to be the same byte for byte. */
function differencesIn(image: GraminizedImage, rebuilt: Rebuilt): readonly string[] {
  const base = image.record.value?.base.length ?? 0;
  const layer = rebuilt.image.image.layers.findIndex(
    ({ diffId }, index) => index >= base && image.image.layers[index]?.diffId !== diffId,
  );
  return [
    ...(sameBytes(image, rebuilt) ? [] : ['the manifest differs']),
    ...image.enclaves.flatMap(({ signature }, index) => {
      const expected = rebuilt.mrEnclaves[index] ?? 'none';
      const got = signature.value?.mrEnclave;
      return got === undefined || got === expected ? [] : [mismatch(`MRENCLAVE ${expected}`, got)];
    }),
    ...(layer < 0 ? [] : [`${showLayer(image.image, layer)} differs`]),
  ];
}

const mostChanges = 40;

function sameBytes(image: GraminizedImage, { image: rebuilt }: Rebuilt): boolean {
  if (image.enclaves.length !== rebuilt.enclaves.length) return false;
  return image.enclaves.every(({ manifestBytes: { value } }, index) => {
    const other = rebuilt.enclaves[index]?.manifestBytes.value;
    return value !== undefined && other?.equals(value) === true;
  });
}

/** Hints at why: what went into this build is not what went into that one. */
function otherInputs(image: GraminizedImage, source: RebuildSource): readonly string[] {
  const { manifest, childManifests = [], profile } = source;
  const options = image.record.value?.options;
  const given = [...(manifest ? [manifest] : []), ...childManifests].map(manifestHash);
  const recorded = [options?.manifest, ...(options?.children ?? []).map((child) => child.manifest)];
  const tool = image.labels[labels.toolVersion];
  return [
    ...(given.join() === recorded.filter((hash) => hash !== undefined).join()
      ? []
      : ['the manifest given is not the one of the build']),
    ...(profile && profileHash(profile.profile) !== options?.profile
      ? ['the profile given is not the one of the build']
      : []),
    ...(tool === __GSC_VERSION__ ? [] : [`the image was built by gsc ${tool}, this is ${__GSC_VERSION__}`]),
  ];
}

/** Without what only a signed image has, and what depends on where the app image was opened. */
function comparable(image: GraminizedImage, other: GraminizedImage): ImageFacts {
  const facts = factsOf(image, other);
  const start = new Map(
    [...facts.start].filter(
      ([name]) => name !== `label ${labels.baseDigest}` && name !== `label ${labels.baseName}`,
    ),
  );
  return { ...facts, start, signature: new Map() };
}
