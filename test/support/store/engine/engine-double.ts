import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { extract, type Pack, pack } from 'tar-stream';
import { onTestFinished } from 'vitest';
import { hexDigest } from '../sample.ts';

/** How the double behaves. The default is an Engine of today with its own image store. */
export interface DoubleBehaviour {
  readonly apiVersion: string;
  /** `graph`: IDs are those of configs, known layers may be missing. `containerd`: IDs of manifests, all is wanted. */
  readonly store: 'graph' | 'containerd';
  /** Refuse an archive from which known layers are left out, though the store says nothing of containerd. */
  readonly refusesThin: boolean;
  /** Headers of Podman. */
  readonly isPodman: boolean;
  /** Answers instead of the double if it returns true. */
  readonly intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
}

interface DoubleLayer {
  readonly diffId: string;
  readonly stored: Buffer;
}

interface DoubleImage {
  readonly id: string;
  readonly config: Buffer;
  readonly manifest: Buffer;
  readonly layers: readonly DoubleLayer[];
}

const sha = (bytes: Buffer) => `sha256:${hexDigest(bytes)}`;
const blob = (digest: string) => `blobs/sha256/${digest.slice('sha256:'.length)}`;

/**
 * An Engine in this process, for what Debian's 20.10 cannot show: the API since 25, with its exports in the form of an
 * OCI layout, its answers without empty fields, and images kept in containerd.
 */
export class EngineDouble {
  readonly socket: string;
  readonly images = new Map<string, DoubleImage>();
  readonly tags = new Map<string, string>();
  /** `METHOD /path` without the API's version, in order. */
  readonly requests: string[] = [];
  /** The files of the archives that were sent, in order. */
  readonly loads: (readonly string[])[] = [];
  behaviour: DoubleBehaviour;
  readonly #server: Server;

  constructor(socket: string, behaviour: Partial<DoubleBehaviour>) {
    this.socket = socket;
    this.behaviour = {
      apiVersion: '1.51',
      store: 'graph',
      refusesThin: false,
      isPodman: false,
      intercept: () => false,
      ...behaviour,
    };
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(JSON.stringify({ message: String(error) }));
      });
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(this.socket, resolve));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Puts an image into the store, as a pull would. */
  put(name: string, config: Record<string, unknown>, stored: readonly Buffer[]): string {
    const layers = stored.map((bytes) => ({ stored: bytes, diffId: sha(plain(bytes)) }));
    const diffIds = layers.map((layer) => layer.diffId);
    // Spaces, as other builders write: exact bytes count.
    const configBytes = Buffer.from(
      JSON.stringify({ ...config, rootfs: { type: 'layers', diff_ids: diffIds } }, null, 1),
    );
    const image = this.#add(configBytes, layers);
    this.tags.set(name, image.id);
    return image.id;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('Api-Version', this.behaviour.apiVersion);
    if (this.behaviour.isPodman) response.setHeader('Libpod-Api-Version', '5.0.0');
    const url = new URL(request.url ?? '/', 'http://double');
    const path = url.pathname.replace(/^\/v1\.\d+/, '');
    this.requests.push(`${request.method} ${path}`);
    if (this.behaviour.intercept(request, response)) return;
    const [, name, verb] = /^\/images\/(.+)\/(json|get|tag)$/.exec(path) ?? [];
    if (path === '/_ping') response.end('OK');
    else if (path === '/info') this.#json(response, 200, this.#info());
    else if (path === '/images/json') this.#json(response, 200, this.#list());
    else if (path === '/images/load') await this.#load(request, response);
    else this.#answerForImage(response, { name: name ?? '', verb, query: url.searchParams });
  }

  #answerForImage(
    response: ServerResponse,
    asked: { readonly name: string; readonly verb: string | undefined; readonly query: URLSearchParams },
  ): void {
    const image = this.#find(asked.name);
    if (!image) this.#json(response, 404, { message: `No such image: ${asked.name}` });
    else if (asked.verb === 'json') this.#json(response, 200, this.#inspect(image));
    else if (asked.verb === 'get') this.#export(image).pipe(response);
    else this.#tag(image, response, asked.query);
  }

  #tag(image: DoubleImage, response: ServerResponse, query: URLSearchParams): void {
    const repository = (query.get('repo') ?? '').replace(/^docker\.io\/(library\/)?/, '');
    this.tags.set(`${repository}:${query.get('tag')}`, image.id);
    response.writeHead(201).end();
  }

  #json(response: ServerResponse, status: number, body: unknown): void {
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  }

  #info(): unknown {
    return this.behaviour.store === 'containerd'
      ? { Driver: 'overlayfs', DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']] }
      : { Driver: 'overlay2', DriverStatus: [['Backing Filesystem', 'extfs']] };
  }

  #list(): unknown {
    return [...this.images.keys()].map((Id) => ({ Id, RepoTags: this.#tagsOf(Id) }));
  }

  /** As an Engine of today: what is empty is not there. */
  #inspect({ id, config, layers }: DoubleImage): unknown {
    const parsed = JSON.parse(config.toString());
    return {
      Id: id,
      RepoTags: this.#tagsOf(id),
      Os: parsed.os,
      Architecture: parsed.architecture,
      RootFS: { Type: 'layers', Layers: layers.map((layer) => layer.diffId) },
    };
  }

  #tagsOf(id: string): readonly string[] {
    return [...this.tags].filter(([, tagged]) => tagged === id).map(([name]) => name);
  }

  #find(name: string): DoubleImage | undefined {
    const familiar = name.replace(/^docker\.io\/(library\/)?/, '');
    return this.images.get(this.tags.get(familiar) ?? name);
  }

  /** Engine's own store exports tars, containerd what was pulled. */
  #export({ config, layers, manifest }: DoubleImage): Pack {
    const exported = layers.map(({ stored }) => (this.behaviour.store === 'graph' ? plain(stored) : stored));
    const configPath = blob(sha(config));
    const files = new Map<string, Buffer>(exported.map((bytes) => [blob(sha(bytes)), bytes]));
    files.set(configPath, config).set(blob(sha(manifest)), manifest);
    const listed = [
      { Config: configPath, RepoTags: null, Layers: exported.map((bytes) => blob(sha(bytes))) },
    ];
    files.set('index.json', Buffer.from(JSON.stringify(indexOf(manifest))));
    files.set('manifest.json', Buffer.from(JSON.stringify(listed)));
    files.set('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
    const tar = pack();
    for (const [name, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1)))
      tar.entry({ name }, content);
    tar.finalize();
    return tar;
  }

  async #load(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const files = await filesOf(request).catch(() => undefined);
    if (files === undefined) return this.#fail(response, 'unexpected EOF');
    this.loads.push([...files.keys()]);
    const [listed] = JSON.parse(files.get('manifest.json')?.toString() ?? '[]');
    const config = files.get(listed?.Config);
    if (!listed || !config) return this.#fail(response, 'invalid archive: does not contain a manifest.json');
    const { diff_ids: diffIds } = JSON.parse(config.toString()).rootfs;
    const layers: DoubleLayer[] = [];
    for (const [i, path] of (listed.Layers as string[]).entries()) {
      const stored = files.get(path) ?? this.#knownLayer(diffIds.slice(0, i + 1));
      if (!stored) return this.#fail(response, `open /tmp/docker-import/${path}: no such file or directory`);
      layers.push({ stored, diffId: sha(plain(stored)) });
    }
    const index = files.get('index.json');
    if (this.behaviour.store === 'containerd' && !index) return this.#fail(response, 'no index.json');
    const manifest = index && files.get(blob(JSON.parse(index.toString()).manifests[0].digest));
    const { id } = this.#add(config, layers, manifest);
    response.write('{"status":"Loading layer","progressDetail":{"current":1,"total":2}}\n');
    response.end(`{"stream":"Loaded image ID: ${id}\\n"}\n`);
  }

  #knownLayer(chain: readonly string[]): Buffer | undefined {
    if (this.behaviour.store === 'containerd' || this.behaviour.refusesThin) return undefined;
    const above = [...this.images.values()].find(({ layers }) =>
      chain.every((diffId, i) => layers[i]?.diffId === diffId),
    );
    return above?.layers[chain.length - 1]?.stored;
  }

  #fail(response: ServerResponse, message: string): void {
    response.end(`${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`);
  }

  #add(config: Buffer, layers: readonly DoubleLayer[], sent?: Buffer): DoubleImage {
    const manifest = sent ?? manifestOf(config, layers);
    const id = this.behaviour.store === 'graph' ? sha(config) : sha(manifest);
    const image = { id, config, layers, manifest };
    this.images.set(id, image);
    return image;
  }
}

/** A double for one test. */
export async function engineDouble(
  behaviour: Partial<DoubleBehaviour> = {},
  socket?: string,
): Promise<EngineDouble> {
  const directory = mkdtempSync(join(tmpdir(), 'gsc-double-'));
  const double = new EngineDouble(socket ?? join(directory, 'engine.sock'), behaviour);
  await double.listen();
  onTestFinished(() => {
    double.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return double;
}

function plain(stored: Buffer): Buffer {
  return stored[0] === 0x1f && stored[1] === 0x8b ? gunzipSync(stored) : stored;
}

function manifestOf(config: Buffer, layers: readonly DoubleLayer[]): Buffer {
  const type = 'application/vnd.oci.image';
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${type}.manifest.v1+json`,
      config: { mediaType: `${type}.config.v1+json`, digest: sha(config), size: config.length },
      layers: layers.map(({ stored }) => ({
        mediaType: `${type}.layer.v1.tar${stored === plain(stored) ? '' : '+gzip'}`,
        digest: sha(stored),
        size: stored.length,
      })),
    }),
  );
}

function indexOf(manifest: Buffer): unknown {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  return { schemaVersion: 2, manifests: [{ mediaType, digest: sha(manifest), size: manifest.length }] };
}

async function filesOf(archive: Readable): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const reader = extract();
  archive.on('error', (error) => reader.destroy(error));
  archive.on('aborted', () => reader.destroy(new Error('aborted')));
  archive.pipe(reader);
  for await (const entry of reader) {
    const pieces: Buffer[] = [];
    for await (const piece of entry) pieces.push(piece as Buffer);
    files.set(entry.header.name, Buffer.concat(pieces));
  }
  return files;
}
