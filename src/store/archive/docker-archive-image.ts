import { createHash } from 'node:crypto';
import { type Digest, digestOf, digestOfHex, finishDigest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import { type ByteString, bytesOfText } from '../../base/image-path.ts';
import { assembleImage } from '../../image/append.ts';
import { parseImageConfig } from '../../image/config.ts';
import type { ByteStream, Image, Layer } from '../../image/image.ts';
import { readImageJson } from '../../image/image-json.ts';
import { mediaTypes } from '../../image/media-type.ts';
import { checkLayerCount, platformProblem } from '../../image/stored-image.ts';
import { collectBytes, verifiedStream } from '../../image/verified-stream.ts';
import { listOf, object, required, text } from '../../json/shape.ts';
import { sniffBytes, sniffCompression } from '../../tar/codec/compression.ts';
import { decompress } from '../../tar/codec/decompress.ts';
import { blobPath } from '../layout/oci-blobs.ts';
import { openOciImage } from '../layout/oci-image.ts';
import { type FileSet, openBlob, readDocument } from '../local/file-set.ts';
import { type ArchivedImage, chooseArchived, type WantedArchivedImage } from './docker-archive-names.ts';

const listingShape = listOf(object({ Config: required(text), RepoTags: listOf(text), Layers: listOf(text) }));

/** An image of an archive, and what is odd about it. */
export interface OpenedArchivedImage extends Image {
  readonly names: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * The image in a file of `docker save` or one of its likes (podman, skopeo, crane, kaniko, BuildKit): the one with the
 * digest or the name, or the only one. Throws as {@link openOciImage} does.
 */
export async function openDockerImage(
  files: FileSet,
  wanted: WantedArchivedImage = {},
): Promise<OpenedArchivedImage> {
  const chosen = await chooseArchived(await readListing(files), wanted, {
    subject: files.name,
    configDigest: async ({ configPath }) => digestOf(await readConfig(files, configPath)),
    configOfManifest: (digest) => configOfManifest(files, digest),
  });
  const configBytes = await readConfig(files, chosen.configPath);
  const configSubject = `${files.name}: config ${chosen.configPath}`;
  const config = parseImageConfig(configBytes, configSubject);
  const problem = platformProblem(config, configSubject);
  if (problem) throw problem;
  checkLayerCount(config, chosen.layerPaths.length, files.name);
  const layers: Layer[] = [];
  for (const [i, path] of chosen.layerPaths.entries()) {
    layers.push(await openLayer(files, bytesOfText(path), config.rootfs.diff_ids?.[i] as Digest));
  }
  const isDocker = layers.every((layer) => layer.descriptor.mediaType !== mediaTypes.ociLayerZstd);
  return {
    ...assembleImage({ name: files.name, config, layers, isDocker, configBytes }),
    isManifestSynthesized: true,
    names: chosen.names,
    warnings: configNameWarnings(chosen.configPath, digestOf(configBytes)),
  };
}

async function readListing(files: FileSet): Promise<readonly ArchivedImage[]> {
  const bytes = await readDocument(files, 'manifest.json');
  if (bytes === undefined) {
    throw new GscError({
      code: 'archive',
      subject: files.name,
      message: 'not a docker-archive: there is no manifest.json',
      hint: 'for a tar of an OCI layout use oci-archive:FILE; files of Docker before 1.10 must be loaded and saved again',
    });
  }
  const listing = readImageJson(bytes, listingShape, {
    subject: `${files.name}: manifest.json`,
    what: 'list of images',
    hint: 'export the image again',
  });
  return listing.map(({ Config, RepoTags, Layers }) => ({
    configPath: Config,
    names: RepoTags ?? [],
    layerPaths: Layers ?? [],
  }));
}

async function readConfig(files: FileSet, path: string): Promise<Buffer> {
  const bytes = await readDocument(files, bytesOfText(path));
  if (bytes === undefined) throw missing(files, path);
  return bytes;
}

/** The config of a manifest or index that the file also holds, as Engines since 25 save them; undefined without it. */
async function configOfManifest(files: FileSet, digest: Digest): Promise<Digest | undefined> {
  const isThere = (path: string) => files.sizeOf(path).then((sizeBytes) => sizeBytes !== undefined);
  if (!(await isThere('index.json')) || !(await isThere(blobPath(digest)))) return undefined;
  return (await openOciImage(files, { digest })).configDescriptor.digest;
}

/** `HEX.json`, `sha256:HEX`, `blobs/sha256/HEX`; engines take the config by its content, whatever its name. */
function configNameWarnings(path: string, digest: Digest): readonly string[] {
  if (digestInName(path) === digest) return [];
  return [`the config ${path} is not named by its digest; it is identified by its content, ${digest}`];
}

async function openLayer(files: FileSet, path: ByteString, diffId: Digest): Promise<Layer> {
  const sizeBytes = await files.sizeOf(path);
  if (sizeBytes === undefined) throw missing(files, path);
  const compression = sniffCompression(await collectBytes(files.open(path, sniffBytes)));
  if (compression === 'xz' || compression === 'bzip2') return openUncompressed(files, path, diffId);
  const digest = compression === 'none' ? diffId : await storedDigest(files, path, diffId);
  const descriptor = { mediaType: layerTypes[compression], digest, sizeBytes };
  return { descriptor, diffId, open: () => openBlob(files, path, descriptor) };
}

const layerTypes = {
  none: mediaTypes.dockerLayer,
  gzip: mediaTypes.dockerLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
} as const;

/** There is no media type for layers in xz or bzip2, so the tar is the layer: decompressed once for its size, and at each reading. */
async function openUncompressed(files: FileSet, path: ByteString, diffId: Digest): Promise<Layer> {
  const tar = () => decompress(files.open(path), `${files.name}: blob ${diffId}`);
  const sizeBytes = await checkContent(tar(), { files, path, diffId });
  const descriptor = { mediaType: mediaTypes.dockerLayer, digest: diffId, sizeBytes };
  return { descriptor, diffId, open: () => verifiedStream(tar(), descriptor, files.name) };
}

/**
 * The digest of a compressed layer as stored. A name that holds it vouches for the bytes; otherwise only the diffId
 * can, so the layer is decompressed once for that.
 */
async function storedDigest(files: FileSet, path: ByteString, diffId: Digest): Promise<Digest> {
  const named = digestInName(path);
  if (named !== undefined && path.startsWith('blobs/sha256/')) return named;
  const digest = await streamDigest(files.open(path));
  if (digest === named) return digest;
  await checkContent(decompress(files.open(path), `${files.name}: blob ${diffId}`), { files, path, diffId });
  return digest;
}

interface ArchivedLayer {
  readonly files: FileSet;
  readonly path: ByteString;
  readonly diffId: Digest;
}

/** Reads the tar of a layer to its end and gives its size. Throws a `blob` error if its digest is not the diffId. */
async function checkContent(tar: ByteStream, { files, path, diffId }: ArchivedLayer): Promise<number> {
  let sizeBytes = 0;
  const counted = async function* (): ByteStream {
    for await (const piece of tar) {
      sizeBytes += piece.length;
      yield piece;
    }
  };
  const found = await streamDigest(counted());
  if (found === diffId) return sizeBytes;
  throw new GscError({
    code: 'blob',
    subject: `${files.name}: blob ${diffId}`,
    message: `the layer ${path} has different content: expected the diffId ${diffId}, got ${found}`,
    hint: 'the image is damaged; pull or export it again',
  });
}

async function streamDigest(stream: ByteStream): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const piece of stream) hash.update(piece);
  return finishDigest(hash);
}

function digestInName(path: string): Digest | undefined {
  const hex = /(?:^|[/:])([0-9a-f]{64})(?:\.[a-z.]+)?$/.exec(path)?.[1];
  return hex === undefined ? undefined : digestOfHex(hex);
}

function missing(files: FileSet, path: string): GscError {
  return new GscError({
    code: 'blob',
    subject: `${files.name}: blob ${digestInName(path) ?? path}`,
    message: `${path} is missing`,
    hint: 'the file is incomplete; export the image again, with all of its layers',
  });
}
