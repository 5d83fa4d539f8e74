import { createHash } from 'node:crypto';
import { z } from 'zod/mini';
import { type Digest, digestOf, digestOfHex, finishDigest, isDigest } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { type ByteString, bytesOfText } from '../base/image-path.ts';
import { describeShape } from '../base/shape-problem.ts';
import { assembleImage } from '../image/append.ts';
import { parseImageConfig } from '../image/config.ts';
import type { ByteStream, Image, Layer } from '../image/image.ts';
import { parseJson } from '../image/json.ts';
import { mediaTypes } from '../image/media-type.ts';
import { collectBytes, verifiedStream } from '../image/verified-stream.ts';
import type { ImageName } from '../reference/image-name.ts';
import { sniffBytes, sniffCompression } from '../tar/compression.ts';
import { decompress } from '../tar/decompress.ts';
import { chooseArchived } from './docker-archive-names.ts';
import { type FileSet, readDocument } from './file-set.ts';
import { checkLayerCount, checkPlatform } from './stored-image.ts';

const manifestSchema = z.array(
  z.looseObject({
    Config: z.string(),
    RepoTags: z.nullish(z.array(z.string())),
    Layers: z.nullish(z.array(z.string())),
  }),
);

/** One image of the file's `manifest.json`. Docker Image Specification v1.2, "Combined Image JSON + Filesystem". */
export interface ArchivedImage {
  readonly configPath: string;
  readonly names: readonly string[];
  readonly layerPaths: readonly string[];
}

/**
 * The image in a file of `docker save` or one of its likes (podman, skopeo, crane, kaniko, BuildKit): the one with the
 * name, or the only one. Throws as {@link openOciImage} does.
 */
export async function openDockerImage(
  files: FileSet,
  name: ImageName | undefined,
): Promise<Image & { readonly names: readonly string[] }> {
  const chosen = chooseArchived(await readManifest(files), name, files.name);
  const configBytes = await readConfig(files, chosen.configPath);
  const configSubject = `${files.name}: config ${chosen.configPath}`;
  const config = parseImageConfig(configBytes, configSubject);
  checkPlatform(config, configSubject);
  checkLayerCount(config, chosen.layerPaths.length, files.name);
  const diffIds = (config.rootfs.diff_ids ?? []).filter((text): text is Digest => isDigest(text));
  const layers: Layer[] = [];
  for (const [i, path] of chosen.layerPaths.entries()) {
    layers.push(await openLayer(files, bytesOfText(path), diffIds[i] as Digest));
  }
  const isDocker = layers.every((layer) => layer.descriptor.mediaType !== mediaTypes.ociLayerZstd);
  return {
    ...assembleImage({ name: files.name, config, layers, isDocker, configBytes }),
    isManifestMadeUp: true,
    names: chosen.names,
  };
}

async function readManifest(files: FileSet): Promise<readonly ArchivedImage[]> {
  const bytes = await readDocument(files, 'manifest.json');
  if (bytes === undefined) {
    throw new GscError({
      code: 'archive',
      subject: files.name,
      message: 'not a docker-archive: there is no manifest.json',
      hint: 'for a tar of an OCI layout say oci-archive:FILE; files of Docker before 1.10 must be loaded and saved again',
    });
  }
  const subject = `${files.name}: manifest.json`;
  const parsed = manifestSchema.safeParse(parseJson(bytes, subject, 'list of images'));
  if (!parsed.success) {
    throw new GscError({
      code: 'image',
      subject,
      message: `not a list of images: ${describeShape(parsed.error)}`,
      hint: 'export the image again',
    });
  }
  return parsed.data.map(({ Config, RepoTags, Layers }) => ({
    configPath: Config,
    names: RepoTags ?? [],
    layerPaths: Layers ?? [],
  }));
}

/** The config's name holds its digest (`HEX.json`, `sha256:HEX`, `blobs/sha256/HEX`), except in a few builders' files. */
async function readConfig(files: FileSet, path: string): Promise<Buffer> {
  const bytes = await readDocument(files, bytesOfText(path));
  if (bytes === undefined) throw missing(files, path);
  const expected = digestInName(path);
  const digest = digestOf(bytes);
  if (expected === undefined || expected === digest) return bytes;
  throw new GscError({
    code: 'blob',
    subject: `${files.name}: blob ${expected}`,
    message: `the config ${path} has another digest: expected ${expected}, got ${digest}`,
    hint: 'the image is damaged; pull or export it again',
  });
}

async function openLayer(files: FileSet, path: ByteString, diffId: Digest): Promise<Layer> {
  const sizeBytes = await files.sizeOf(path);
  if (sizeBytes === undefined) throw missing(files, path);
  const compression = sniffCompression(await collectBytes(files.open(path, sniffBytes)));
  if (compression === 'xz' || compression === 'bzip2') return openUncompressed(files, path, diffId);
  const digest = compression === 'none' ? diffId : await storedDigest(files, path, diffId);
  const descriptor = { mediaType: layerTypes[compression], digest, sizeBytes };
  return { descriptor, diffId, open: () => verifiedStream(files.open(path), descriptor, files.name) };
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
    message: `the layer ${path} has another content: expected the diffId ${diffId}, got ${found}`,
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
