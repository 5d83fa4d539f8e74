import { digestOf, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { optionsOfRecord, type RecordedOptions } from '../graminize/build-record.ts';
import { graminize } from '../graminize/graminize.ts';
import type { GivenProfile } from '../graminize/profiled-selection.ts';
import type { Image } from '../image/image.ts';
import { labels } from '../image/labels.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import type { TomlDocument } from '../manifest/toml/toml.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { readFiles } from '../scan/read-files.ts';
import { type ImageScan, scanImage } from '../scan/scan-image.ts';
import { measureImage } from '../sign/unsigned-enclave.ts';
import {
  type GraminizedImage,
  knownIndexes,
  readGraminizedImage,
  signersChoice,
} from './graminized-image.ts';
import { runtimeInImage } from './image-runtime.ts';

/** What an image was made of, as far as the image cannot say it itself. */
export interface RebuildSource {
  readonly app: Image;
  /** The user's manifest, if the build had one. */
  readonly manifest?: TomlDocument;
  readonly profile?: GivenProfile;
}

export interface Rebuilt {
  /** Unsigned, its manifest with the keys that whoever signed the other one has chosen. */
  readonly image: GraminizedImage;
  readonly mrEnclave: string;
}

/** The app image with its files; layers that it shares with the graminized image are not read again. */
export async function scanBase(image: GraminizedImage, app: Image): Promise<ImageScan> {
  return scanImage(app, { indexes: knownIndexes(image.indexes) });
}

/**
 * Builds an image again from its app image, with the options that it has noted and the given runtime, or the one in it.
 * Throws what `graminize` throws, and an `image` error for an image that has noted nothing.
 */
export async function rebuild(
  image: GraminizedImage,
  { app, manifest, profile }: RebuildSource,
  given: { readonly runtime: Runtime | undefined; readonly scan: ImageScan },
): Promise<Rebuilt> {
  const { record, version } = image;
  if (record.value === undefined) throw unknown(image, record.problem);
  if (version.value === undefined) throw unknown(image, version.problem);
  const added = await addedContents(image, record.value.options);
  const options = optionsOfRecord(record.value.options, {
    contentOf: (sha256) => added.get(sha256) ?? contentOf(image, sha256),
    ...(manifest && { manifest }),
    ...(profile && { profile }),
  });
  const { [labels.toolVersion]: toolVersion, [labels.baseName]: baseName } = image.labels;
  const graminized = await graminize(app, given.runtime ?? (await runtimeInImage(image, version.value)), {
    ...options,
    tree: given.scan.tree,
    name: 'the rebuild',
    ...(toolVersion !== undefined && { toolVersion }),
    ...(baseName !== undefined && { baseName }),
  });
  const seen = { indexes: [...image.indexes, ...given.scan.indexes], contents: image.contents };
  const { enclave, measured } = await measureImage(graminized, { overrides: signersChoice(image) });
  const { root, bytes } = enclave.manifest;
  const signed = { bytes, value: new CompleteManifest(root, version.value) };
  return {
    image: await readGraminizedImage(graminized.image, { seen, manifest: signed }),
    mrEnclave: measured.mrEnclave,
  };
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
