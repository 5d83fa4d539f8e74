import { digestOf, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { optionsOfRecord, type RecordedOptions } from '../graminize/build-record.ts';
import { type GraminizedAlone, graminizeAlone } from '../graminize/graminize.ts';
import type { GivenProfile } from '../graminize/profiled-selection.ts';
import type { Image } from '../image/image.ts';
import { labels } from '../image/labels.ts';
import type { TomlDocument } from '../manifest/toml/toml.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { ImageScan } from '../scan/image-scan.ts';
import { readFiles } from '../scan/read-files.ts';
import { scanImage } from '../scan/scan-image.ts';
import { measureImage, type NamedMeasurement } from '../sign/unsigned-enclave.ts';
import {
  type GraminizedImage,
  knownIndexes,
  parseManifest,
  type ReadEnclave,
  readGraminizedImage,
} from './graminized-image.ts';
import { runtimeInImage } from './image-runtime.ts';
import { signersChoice } from './signers-choice.ts';

/** What an image was made of, as far as the image cannot say it itself. */
export interface RebuildSource {
  readonly app: Image;
  /** The full name that it was opened by, as in docker.io/library/python:3.12: what a policy calls it. */
  readonly name?: string;
  /** The user's manifest, if the build had one. */
  readonly manifest?: TomlDocument;
  /** The manifests of the programs that the first one starts, in the order of the build, if it had some. */
  readonly childManifests?: readonly TomlDocument[];
  readonly profile?: GivenProfile;
}

export interface Rebuilt {
  /** Unsigned, its manifests as they are measured, with the keys that whoever signed the other one has chosen. */
  readonly image: GraminizedImage;
  /** Those of its enclaves, in the order of the image's. */
  readonly mrEnclaves: readonly string[];
}

/** The app image with its files; what the graminized image has of it is not read again. */
export async function scanBase({ indexes, lower }: GraminizedImage, app: Image): Promise<ImageScan> {
  return scanImage(app, { indexes: knownIndexes(indexes), ...(lower && { below: lower }) });
}

/**
 * Builds an image again from its app image, with the options that it has noted and the given runtime, or the one in it.
 * Throws what `graminize` throws, and an `image` error for an image that has noted nothing.
 */
export async function rebuild(
  image: GraminizedImage,
  { app, manifest, childManifests, profile }: RebuildSource,
  given: { readonly runtime: Runtime | undefined; readonly scan: ImageScan },
): Promise<Rebuilt> {
  const { record, version } = image;
  if (record.value === undefined) throw unknown(image, record.problem);
  if (version.value === undefined) throw unknown(image, version.problem);
  const added = await addedContents(image, record.value.options);
  const options = optionsOfRecord(record.value.options, {
    contentOf: (sha256) => added.get(sha256) ?? contentOf(image, sha256),
    ...(manifest && { manifest }),
    ...(childManifests && { childManifests }),
    ...(profile && { profile }),
  });
  const { [labels.toolVersion]: toolVersion, [labels.baseName]: baseName } = image.labels;
  const graminized = await graminizeAlone(
    app,
    given.runtime ?? (await runtimeInImage(image, version.value)),
    {
      ...options,
      tree: given.scan.tree,
      name: 'the rebuild',
      ...(toolVersion !== undefined && { toolVersion }),
      ...(baseName !== undefined && { baseName }),
    },
  );
  const seen = { ...image, indexes: [...image.indexes, ...given.scan.indexes] };
  const read = await readGraminizedImage(graminized.image, { seen, below: given.scan });
  const enclaves = await measureChosen(graminized, image);
  // Of an unsigned image the manifests are as the build wrote them.
  const asMeasured = read.enclaves.map((each): ReadEnclave => {
    if (!image.isSigned) return each;
    const found = enclaves.find(({ files }) => files.manifest === each.files.manifest);
    return found === undefined ? each : { ...each, ...manifestOf(each, found.enclave.manifest.bytes, image) };
  });
  return {
    image: { ...read, ...asMeasured[0], enclaves: asMeasured },
    mrEnclaves: enclaves.toReversed().map(({ measured }) => measured.mrEnclave),
  };
}

function manifestOf(
  { manifestPath }: ReadEnclave,
  bytes: Buffer,
  { version, enclaves }: Pick<GraminizedImage, 'version' | 'enclaves'>,
) {
  return {
    manifestBytes: { value: bytes },
    manifest: { value: parseManifest(bytes, manifestPath, version, enclaves) },
  };
}

/** The enclaves of a rebuild, with what whoever signed the image has chosen. */
async function measureChosen(
  graminized: GraminizedAlone,
  image: GraminizedImage,
): Promise<readonly NamedMeasurement[]> {
  const { enclave, enclaves } = await measureImage(graminized);
  const { files, version } = image;
  const completed = parseManifest(enclave.manifest.bytes, files.manifest, version, image.enclaves);
  const overrides = signersChoice(image, completed);
  return Object.keys(overrides).length === 0
    ? enclaves
    : (await measureImage(graminized, { overrides })).enclaves;
}

/** The files that the build added, out of the image: by their SHA-256. */
async function addedContents(
  { image, tree }: GraminizedImage,
  { files = [] }: RecordedOptions,
): Promise<ReadonlyMap<string, Buffer>> {
  const contents = await readFiles(
    image,
    tree,
    files.map(({ path }) => path),
  );
  return new Map([...contents.values()].map((content) => [hexOf(digestOf(content)), content]));
}

/** Of what gsc itself put into the image. */
function contentOf(image: GraminizedImage, sha256: string): Buffer {
  const content = image.contents.contentOf(sha256);
  if (content !== undefined) return content;
  throw unknown(image, `an added file with SHA-256 ${sha256} is not in the image`);
}

function unknown({ image }: GraminizedImage, problem: string): GscError {
  return new GscError({
    code: 'image',
    subject: image.name,
    message: `how it was built is not known: ${problem}`,
    hint: 'build it again with this gsc',
  });
}
