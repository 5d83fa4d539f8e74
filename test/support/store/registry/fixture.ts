import { createCipheriv, createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach } from 'vitest';
import { digestOf } from '../../../../src/base/digest.ts';
import { assembleImage } from '../../../../src/image/append.ts';
import type { ByteStream, Image, Layer } from '../../../../src/image/image.ts';
import { mediaTypes } from '../../../../src/image/media-type.ts';
import { type ImageName, parseImageName } from '../../../../src/reference/image-name.ts';
import type { RegistryOptions } from '../../../../src/store/registry/registry-options.ts';
import { RegistrySession } from '../../../../src/store/registry/registry-session.ts';
import { type DoubleOptions, RegistryDouble } from './registry-double.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs at the end of the test. */
export function atEnd(cleanup: () => Promise<void>): void {
  cleanups.push(cleanup);
}

/** A registry double that stops at the end of the test. */
export async function startDouble(options: DoubleOptions = {}): Promise<RegistryDouble> {
  const double = await RegistryDouble.start(options);
  atEnd(() => double.stop());
  return double;
}

/** A session without a home, and with pauses that are only noted. */
export function openSession(options: Partial<RegistryOptions> = {}): {
  readonly session: RegistrySession;
  readonly pauses: number[];
} {
  const pauses: number[] = [];
  const session = new RegistrySession({
    environment: {},
    homeDirectory: '/dev/null/home',
    certificateDirectories: [],
    random: () => 0,
    sleep: async (milliseconds) => {
      pauses.push(milliseconds);
    },
    ...options,
  });
  atEnd(() => session.close());
  return { session, pauses };
}

/** Bytes that do not repeat, the same for the same seed. */
export function noise(seed: string, sizeBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

export async function* inPieces(bytes: Buffer, size = 64 * 1024): ByteStream {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A tar of one file. */
export function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 'latin1');
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\x0000', 257, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}

/** A layer of one file of noise, compressed, and how often it was opened. */
export function layerOf(
  seed: string,
  sizeBytes: number,
): Layer & { readonly bytes: Buffer; readonly opened: () => number } {
  const tar = tarOf(`file-${seed}`, noise(seed, sizeBytes));
  const bytes = gzipSync(tar, { level: 0 });
  let opened = 0;
  return {
    bytes,
    opened: () => opened,
    descriptor: {
      mediaType: mediaTypes.ociLayerGzip,
      digest: digestOf(bytes),
      sizeBytes: bytes.length,
    },
    diffId: digestOf(tar),
    open: () => {
      opened += 1;
      return inPieces(bytes);
    },
  };
}

export interface ImageOptions {
  readonly isDocker?: boolean;
  readonly architecture?: string;
  readonly variant?: string;
  readonly name?: string;
}

/** An image of these layers. */
export function imageOf(layers: readonly Layer[], options: ImageOptions = {}): Image {
  const isDocker = options.isDocker ?? false;
  return assembleImage({
    name: options.name ?? 'test image',
    isDocker,
    layers: layers.map((layer) =>
      isDocker
        ? { ...layer, descriptor: { ...layer.descriptor, mediaType: mediaTypes.dockerLayerGzip } }
        : layer,
    ),
    config: {
      os: 'linux',
      architecture: options.architecture ?? 'amd64',
      ...(options.variant !== undefined && { variant: options.variant }),
      created: '2024-01-01T00:00:00Z',
      config: { Cmd: ['/bin/true'] },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
      history: layers.map(() => ({ created_by: 'test' })),
    },
  });
}

/** Puts an image into a double, as if it had been pushed. */
export async function stock(double: RegistryDouble, path: string, tag: string, image: Image): Promise<void> {
  for (const layer of image.layers) {
    const pieces: Buffer[] = [];
    for await (const piece of layer.open()) pieces.push(piece);
    double.addBlob(path, Buffer.concat(pieces));
  }
  double.addBlob(path, image.configBytes);
  double.addManifest(path, tag, image.manifest.mediaType, image.manifestBytes);
}

/** A name in a double. */
export function nameIn(double: { readonly domain: string }, rest: string): ImageName {
  return parseImageName(`${double.domain}/${rest}`);
}
