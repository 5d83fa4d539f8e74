import { gunzipSync, gzipSync } from 'node:zlib';
import { extract, pack, type Header as TarHeader } from 'tar-stream';
import { digestOf } from '../../../src/base/digest.ts';
import { assembleImage } from '../../../src/image/append.ts';
import type { ImageConfig, RunConfig } from '../../../src/image/config.ts';
import type { Image, Layer } from '../../../src/image/image.ts';
import { collectBytes, verifiedStream } from '../../../src/image/verified-stream.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What an entry is given with; the rest has defaults. */
export type Header = Partial<Writable<TarHeader>> & { name: string };

/** An entry of a layer as an attacker edits it. */
export interface AttackedEntry {
  readonly header: Header;
  content: Buffer;
}

/** A layer that may be edited; one that is not touched keeps its bytes. */
export interface AttackedLayer {
  entries: AttackedEntry[];
  readonly original?: Layer;
  /** Set by whoever edits the entries. */
  isTouched: boolean;
}

/** An image taken apart, to be changed and put together again with digests that fit. */
export class AttackedImage {
  readonly layers: AttackedLayer[];
  readonly config: { -readonly [K in keyof RunConfig]: RunConfig[K] };
  readonly #image: Image;

  private constructor(image: Image, layers: AttackedLayer[]) {
    this.#image = image;
    this.layers = layers;
    this.config = structuredClone(image.config.config ?? {}) as RunConfig;
  }

  static async of(image: Image): Promise<AttackedImage> {
    const layers = await Promise.all(
      image.layers.map(async (layer) => ({
        entries: await entriesOf(await tarOf(layer)),
        original: layer,
        isTouched: false,
      })),
    );
    return new AttackedImage(image, layers);
  }

  /** The highest entry of a name, without the leading slash. */
  find(name: string): { readonly layer: AttackedLayer; readonly entry: AttackedEntry } {
    for (const layer of this.layers.toReversed()) {
      const entry = layer.entries.findLast(({ header }) => header.name.replace(/\/$/, '') === name);
      if (entry) return { layer, entry };
    }
    throw new Error(`the image has no ${name}`);
  }

  content(name: string): Buffer {
    return this.find(name).entry.content;
  }

  /** Writes another content into the layer that has the file. */
  write(name: string, content: Buffer | string): void {
    const { layer, entry } = this.find(name);
    entry.content = Buffer.from(content);
    layer.isTouched = true;
  }

  flip(name: string, at = -1): void {
    const content = Buffer.from(this.content(name));
    const place = at < 0 ? content.length + at : at;
    content[place] = (content[place] ?? 0) ^ 1;
    this.write(name, content);
  }

  remove(name: string): void {
    const { layer, entry } = this.find(name);
    layer.entries = layer.entries.filter((each) => each !== entry);
    layer.isTouched = true;
  }

  /** Puts an entry at the end of a layer. */
  append(layer: AttackedLayer, header: Header, content: Buffer | string = ''): void {
    layer.entries.push({ header: { mtime: new Date(0), ...header }, content: Buffer.from(content) });
    layer.isTouched = true;
  }

  /** Puts entries before the others of a layer. */
  prepend(layer: AttackedLayer, header: Header, content: Buffer | string = ''): void {
    layer.entries.unshift({ header: { mtime: new Date(0), ...header }, content: Buffer.from(content) });
    layer.isTouched = true;
  }

  /** A new layer on top. */
  addLayer(...entries: readonly (readonly [header: Header, content?: Buffer | string])[]): void {
    const layer: AttackedLayer = { entries: [], isTouched: true };
    for (const [header, content = ''] of entries) this.append(layer, header, content);
    this.layers.push(layer);
  }

  /** Replaces a file by a link, in its own layer. */
  swapForLink(name: string, target: string): void {
    const { layer, entry } = this.find(name);
    const at = layer.entries.indexOf(entry);
    layer.entries[at] = {
      header: { name, type: 'symlink', linkname: target, mtime: new Date(0) },
      content: Buffer.alloc(0),
    };
    layer.isTouched = true;
  }

  label(name: string, value: string | undefined): void {
    const { [name]: _, ...rest } = this.config.Labels ?? {};
    this.config.Labels = value === undefined ? rest : { ...rest, [name]: value };
  }

  async build(): Promise<Image> {
    const layers = await Promise.all(this.layers.map(layerOf));
    // An Engine counts its steps, of which there may be more or fewer now.
    const { history: _, ...unchanged } = this.#image.config;
    const config: ImageConfig = {
      ...unchanged,
      config: this.config,
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    };
    return assembleImage({ name: 'attacked', config, layers, isDocker: false });
  }
}

async function layerOf({ entries, original, isTouched }: AttackedLayer): Promise<Layer> {
  if (!isTouched && original) return original;
  const archive = pack();
  for (const { header, content } of entries) {
    const isFile = (header.type ?? 'file') === 'file';
    if (isFile) archive.entry({ ...header, size: content.length }, content);
    else archive.entry({ ...header, size: 0 });
  }
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  const tar = Buffer.concat(pieces);
  const stored = gzipSync(tar, { level: 1 });
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  const descriptor = { mediaType, digest: digestOf(stored), sizeBytes: stored.length };
  async function* bytes() {
    yield stored;
  }
  return { descriptor, diffId: digestOf(tar), open: () => verifiedStream(bytes(), descriptor, 'attacked') };
}

async function tarOf(layer: Layer): Promise<Buffer> {
  const bytes = await collectBytes(layer.open());
  return layer.descriptor.mediaType.includes('gzip') ? gunzipSync(bytes) : bytes;
}

async function entriesOf(tar: Buffer): Promise<AttackedEntry[]> {
  const reader = extract();
  reader.end(tar);
  const entries: AttackedEntry[] = [];
  for await (const entry of reader) {
    const pieces: Buffer[] = [];
    for await (const piece of entry) pieces.push(piece as Buffer);
    entries.push({ header: entry.header, content: Buffer.concat(pieces) });
  }
  return entries;
}
