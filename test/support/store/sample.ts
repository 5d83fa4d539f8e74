import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Digest, digestOf, hexOf } from '../../../src/base/digest.ts';
import { assembleImage } from '../../../src/image/append.ts';
import type { ImageConfig } from '../../../src/image/config.ts';
import type { ByteStream, Image, Layer } from '../../../src/image/image.ts';
import { mediaTypes } from '../../../src/image/media-type.ts';
import { verifiedStream } from '../../../src/image/verified-stream.ts';
import { tarBytes } from '../../../src/tar/write-tar.ts';

/** Bytes that do not compress, the same for the same seed. */
export function noise(seed: string, sizeBytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(sizeBytes / 32) }, (_, i) =>
    createHash('sha256').update(`${seed}${i}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, sizeBytes);
}

/** A layer's tar with one file. */
export function sampleTar(name: string, sizeBytes = 3000): Buffer {
  const attributes = { uid: 0, gid: 0, mtimeSeconds: 0 };
  return tarBytes([
    { kind: 'directory', name: 'data', mode: 0o755, ...attributes },
    { kind: 'file', name: `data/${name}`, mode: 0o644, content: noise(name, sizeBytes), ...attributes },
  ]);
}

export function layerOf(tar: Buffer, compression: 'none' | 'gzip' = 'gzip'): Layer {
  const bytes = compression === 'none' ? tar : gzipSync(tar);
  const descriptor = {
    mediaType: compression === 'none' ? mediaTypes.ociLayer : mediaTypes.ociLayerGzip,
    digest: digestOf(bytes),
    sizeBytes: bytes.length,
  };
  return {
    descriptor,
    diffId: digestOf(tar),
    open: () => verifiedStream(inPieces(bytes), descriptor, 'sample'),
  };
}

/** A layer of which only half comes: then it says so on stdout, and waits to be killed. */
export function unfinishedLayer(): Layer {
  const whole = layerOf(sampleTar('unfinished', 5_000_000), 'none');
  return {
    ...whole,
    open: async function* () {
      let sizeBytes = 0;
      for await (const piece of whole.open()) {
        yield piece;
        sizeBytes += piece.length;
        if (sizeBytes < 2_500_000) continue;
        process.stdout.write('half\n');
        await new Promise((resolve) => setTimeout(resolve, 600_000));
      }
    },
  };
}

/** An image whose layers hold one file each, named after `seeds`; every second layer is uncompressed. */
export function sampleImage(seeds: readonly string[], config: Partial<ImageConfig> = {}): Image {
  const layers = seeds.map((seed, i) => layerOf(sampleTar(seed), i % 2 === 0 ? 'gzip' : 'none'));
  return imageOf(layers, config);
}

export function imageOf(layers: readonly Layer[], config: Partial<ImageConfig> = {}): Image {
  return assembleImage({
    name: 'sample',
    isDocker: false,
    layers,
    config: {
      os: 'linux',
      architecture: 'amd64',
      config: { Cmd: ['/data/app'] },
      ...config,
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    },
  });
}

export async function* inPieces(bytes: Buffer, pieceBytes = 1000): ByteStream {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

export async function bytesOf(stream: ByteStream): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A layout by hand: blobs under their digests, other files as they are named. */
export function writeLayout(
  directory: string,
  blobs: readonly Buffer[],
  files: Record<string, unknown>,
): void {
  for (const blob of blobs) writeInto(directory, `blobs/sha256/${hexOf(digestOf(blob))}`, blob);
  const all: Record<string, unknown> = { 'oci-layout': { imageLayoutVersion: '1.0.0' }, ...files };
  for (const [name, content] of Object.entries(all)) {
    if (content !== undefined) writeInto(directory, name, asBytes(content));
  }
}

/** All blobs of an image. */
export async function blobsOf(image: Image): Promise<readonly Buffer[]> {
  const layers = await Promise.all(image.layers.map((layer) => bytesOf(layer.open())));
  return [...layers, image.configBytes, image.manifestBytes];
}

/** An index entry for bytes. */
export function entryOf(bytes: Buffer, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { mediaType: mediaTypes.ociManifest, digest: digestOf(bytes), size: bytes.length, ...more };
}

export function indexOf(...manifests: readonly Record<string, unknown>[]): Record<string, unknown> {
  return { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
}

export function tagged(tag: string): Record<string, unknown> {
  return { annotations: { 'org.opencontainers.image.ref.name': tag } };
}

export function writeInto(directory: string, name: string, content: Buffer): void {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

export function asBytes(content: unknown): Buffer {
  if (Buffer.isBuffer(content)) return content;
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
}

/** A tar of files and links, as given. */
export function archiveOf(
  files: Record<string, unknown>,
  links: Record<string, readonly ['symlink' | 'hardlink', string]> = {},
): Buffer {
  const attributes = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };
  return tarBytes([
    ...Object.entries(files).map(([name, content]) => ({
      kind: 'file' as const,
      name,
      content: asBytes(content),
      ...attributes,
    })),
    ...Object.entries(links).map(([name, [kind, linkName]]) => ({ kind, name, linkName, ...attributes })),
  ]);
}

export function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' });
}

export function hexDigest(bytes: Buffer): string {
  return hexOf(digestOf(bytes));
}

export function diffIdsOf(image: Image): readonly Digest[] {
  return image.layers.map((layer) => layer.diffId);
}
