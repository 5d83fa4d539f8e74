import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { digestOf } from '../../../src/base/digest.ts';
import { assembleImage } from '../../../src/image/append.ts';
import type { RunConfig } from '../../../src/image/config.ts';
import type { ByteStream, Image, Layer } from '../../../src/image/image.ts';
import { verifiedStream } from '../../../src/image/verified-stream.ts';

/** An entry of a tar: `null` for a directory, `{ link }` for a symbolic and `{ hard }` for a hard link, else content. */
export type MadeEntry = readonly [
  name: string,
  what: string | Buffer | null | { readonly link: string } | { readonly hard: string },
  mode?: number,
];

/** A tar of the entries, in their order. */
export async function tarWith(entries: readonly MadeEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const [name, what, mode] of entries) {
    // tar-stream would take the time of day.
    const common = { name, mtime: new Date(0) };
    if (what === null) archive.entry({ ...common, type: 'directory', mode: mode ?? 0o755 });
    else if (typeof what === 'string' || Buffer.isBuffer(what)) {
      archive.entry({ ...common, mode: mode ?? 0o644 }, Buffer.from(what));
    } else if ('link' in what) archive.entry({ ...common, type: 'symlink', linkname: what.link });
    else archive.entry({ ...common, type: 'link', linkname: what.hard });
  }
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

export interface LayerOptions {
  readonly stored?: Buffer;
  readonly pieceBytes?: number;
  readonly onOpen?: () => void;
}

/** A layer of a tar, whose blob is the tar itself or `stored`, streamed in pieces. */
export function layerFrom(tar: Buffer, options: LayerOptions = {}): Layer {
  const stored = options.stored ?? tar;
  const descriptor = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: digestOf(stored),
    sizeBytes: stored.length,
  };
  return {
    descriptor,
    diffId: digestOf(tar),
    open: () => {
      options.onOpen?.();
      return verifiedStream(piecesOf(stored, options.pieceBytes ?? 65536), descriptor, 'test');
    },
  };
}

export function gzipped(tar: Buffer, options: LayerOptions = {}): Layer {
  return layerFrom(tar, { ...options, stored: gzipSync(tar) });
}

export function imageOf(layers: readonly Layer[], config: RunConfig = {}): Image {
  return assembleImage({
    name: 'test',
    config: {
      os: 'linux',
      architecture: 'amd64',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map((l) => l.diffId) },
    },
    layers,
    isDocker: false,
  });
}

export function sha256Of(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function* piecesOf(bytes: Buffer, pieceBytes: number): ByteStream {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    yield Buffer.from(bytes.subarray(at, at + pieceBytes));
  }
}
