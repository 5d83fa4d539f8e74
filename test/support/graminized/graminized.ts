import { parse } from 'smol-toml';
import { extract } from 'tar-stream';
import type { GraminizeOptions } from '../../../src/graminize/build-options.ts';
import { type Graminized, graminize } from '../../../src/graminize/graminize.ts';
import type { Image, Layer } from '../../../src/image/image.ts';
import { collectBytes } from '../../../src/image/verified-stream.ts';
import { parseManifest } from '../../../src/manifest/parse-manifest.ts';
import { findRuntime } from '../../../src/runtime/find/find-runtime.ts';
import type { Runtime } from '../../../src/runtime/runtime.ts';
import { installation, treeOf } from '../runtime/make-tree.ts';

/** A Gramine of this version; its ELF files have headers only. */
export async function runtimeOf(version = '1.9', directory?: string): Promise<Runtime> {
  const { tree, readFiles } = treeOf(installation(directory, version, directory));
  return findRuntime(tree, readFiles, { subject: 'runtime' });
}

export interface Wishes extends Omit<GraminizeOptions, 'manifest' | 'tree'> {
  readonly runtime?: Runtime;
  /** The user's manifest. */
  readonly manifest?: string;
}

/** Graminizes an image with the usual options, or those given. */
export async function graminizeApp(app: Image, wishes: Wishes = {}): Promise<Graminized> {
  const { manifest, runtime, ...options } = wishes;
  return graminize(app, runtime ?? (await runtimeOf()), {
    libc: 'runtime',
    name: 'result',
    toolVersion: '0.0.0-test',
    ...options,
    ...(manifest !== undefined && { manifest: parseManifest(manifest, 'user.manifest') }),
  });
}

/** One entry of a layer. */
export interface LayerFile {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly content: Buffer;
}

/** The entries of an uncompressed layer in their order, read by tar-stream. */
export async function entriesOf(layer: Layer | undefined): Promise<readonly LayerFile[]> {
  if (layer === undefined) throw new RangeError('there is no such layer');
  const reader = extract();
  reader.end(await collectBytes(layer.open()));
  const entries: LayerFile[] = [];
  for await (const entry of reader) {
    const pieces: Buffer[] = [];
    for await (const piece of entry) pieces.push(piece as Buffer);
    const { name, type, mode = 0, uid = -1, gid = -1, mtime } = entry.header;
    entries.push({
      name,
      type: type ?? '',
      mode,
      uid,
      gid,
      mtimeSeconds: Math.floor((mtime?.getTime() ?? 0) / 1000),
      content: Buffer.concat(pieces),
    });
  }
  return entries;
}

/** The content of a file in one of an image's uncompressed layers, the highest first. */
export async function fileIn(image: Image, path: string): Promise<Buffer | undefined> {
  for (const layer of [...image.layers].reverse()) {
    if (layer.descriptor.mediaType.includes('gzip')) return undefined;
    const found = (await entriesOf(layer)).find(({ name }) => `/${name}` === path);
    if (found) return found.content;
  }
  return undefined;
}

/** A manifest as tests read it. */
export interface PlainManifest {
  readonly libos: { readonly entrypoint: string };
  readonly loader: {
    readonly entrypoint: unknown;
    readonly argv?: readonly string[];
    readonly insecure__use_cmdline_argv?: boolean;
    readonly argv_src_file?: string;
    readonly env: Readonly<Record<string, unknown>>;
    readonly uid: number;
    readonly gid: number;
    readonly log_level: string;
  };
  readonly fs: {
    readonly start_dir: string;
    readonly root: unknown;
    readonly mounts: readonly { readonly type: string; readonly path: string; readonly uri?: string }[];
  };
  readonly sgx: {
    readonly trusted_files: readonly { readonly uri: string; readonly sha256: string }[];
    readonly enclave_size: string;
    readonly [key: string]: unknown;
  };
  readonly sys: Readonly<Record<string, unknown>>;
}

/** The manifest that is in the image, read by a TOML parser that is not gsc's. */
export async function manifestIn(image: Image): Promise<PlainManifest> {
  const bytes = await fileIn(image, '/gramine/app_files/entrypoint.manifest');
  if (bytes === undefined) throw new RangeError('the image has no manifest');
  return parse(bytes.toString()) as unknown as PlainManifest;
}

/** The names of the trusted files in the manifest of an image, without those of the runtime. */
export async function trustedPathsIn(image: Image): Promise<readonly string[]> {
  const { sgx } = await manifestIn(image);
  return sgx.trusted_files
    .map(({ uri }) => uri.slice('file:'.length))
    .filter((path) => !path.startsWith('/gramine/'));
}
