import { gzipSync } from 'node:zlib';
import { digestOf } from '../../../src/base/digest.ts';
import { assembleImage } from '../../../src/image/append.ts';
import type { RunConfig } from '../../../src/image/config.ts';
import type { Image, Layer } from '../../../src/image/image.ts';
import { verifiedStream } from '../../../src/image/verified-stream.ts';
import { makeElf } from '../runtime/make-elf.ts';
import { type MadeEntry, tarWith } from '../scan/made-layers.ts';

export interface AppOptions {
  readonly isDocker?: boolean;
  readonly created?: string | null;
  readonly name?: string;
}

/** An app image in memory: each list of entries is one gzipped layer. */
export async function appImage(
  layers: readonly (readonly MadeEntry[])[],
  run: RunConfig,
  options: AppOptions = {},
): Promise<Image> {
  const { isDocker = false, created = '2024-05-06T07:08:09Z', name = 'test' } = options;
  const made = await Promise.all(layers.map((entries) => appLayer(entries, isDocker)));
  return assembleImage({
    name,
    config: {
      ...(created !== null && { created }),
      os: 'linux',
      architecture: 'amd64',
      config: run,
      rootfs: { type: 'layers', diff_ids: made.map((layer) => layer.diffId) },
      history: made.map((_, index) => ({ created_by: `step ${index}` })),
    },
    layers: made,
    isDocker,
  });
}

/** A static program at `path`, which starts nowhere but is found and followed. */
export function staticProgram(path = 'app', payload = path): MadeEntry {
  return [path, makeElf({ payload }), 0o755];
}

/** A dynamic program on glibc with its loader, as Debian has them. */
export function glibcProgram(path = 'app'): readonly MadeEntry[] {
  const loader = 'usr/lib64/ld-linux-x86-64.so.2';
  return [
    ['lib64', { link: 'usr/lib64' }],
    [loader, makeElf({ soname: 'ld-linux-x86-64.so.2' }), 0o755],
    [path, makeElf({ interpreter: '/lib64/ld-linux-x86-64.so.2', needed: ['libc.so.6'] }), 0o755],
    ['usr/lib/x86_64-linux-gnu/libc.so.6', makeElf({ soname: 'libc.so.6', payload: 'debian' })],
  ];
}

async function appLayer(entries: readonly MadeEntry[], isDocker: boolean): Promise<Layer> {
  const tar = await tarWith(entries);
  const stored = gzipSync(tar);
  const mediaType = isDocker
    ? 'application/vnd.docker.image.rootfs.diff.tar.gzip'
    : 'application/vnd.oci.image.layer.v1.tar+gzip';
  const descriptor = { mediaType, digest: digestOf(stored), sizeBytes: stored.length };
  async function* pieces() {
    yield stored;
  }
  return {
    descriptor,
    diffId: digestOf(tar),
    open: () => verifiedStream(pieces(), descriptor, 'test'),
  };
}
