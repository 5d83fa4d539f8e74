import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { digestOf, isDigest } from '../../../src/base/digest.ts';
import { checkAccess, type DoubleLogin, serveToken, type TokenBook } from './double-login.ts';

/** What goes wrong with a request. */
export type Fault =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** The connection is cut before any answer. */
  | { readonly kind: 'reset' }
  /** There is never an answer. */
  | { readonly kind: 'silence' }
  /** The answer's body is cut, or stops coming, after so many bytes. */
  | { readonly kind: 'cut-download' | 'stall-download'; readonly bytes: number }
  /** The upload keeps so many bytes of the body, then the connection is cut. */
  | { readonly kind: 'cut-upload'; readonly bytes: number }
  /** The upload's body is not read before this. */
  | { readonly kind: 'hold-upload'; readonly until: Promise<void> }
  /** The answer's body has one bit flipped. */
  | { readonly kind: 'flip' }
  /** The upload is forgotten, as by a registry that was restarted; then the request goes on. */
  | { readonly kind: 'forget-upload' };

export interface DoubleOptions {
  readonly login?: DoubleLogin;
  readonly hasRange?: boolean;
  readonly hasHead?: boolean;
  readonly hasMount?: boolean;
  /** The largest body that is taken; 413 for more. */
  readonly bodyLimit?: number;
  /** Where blobs really are: GET is redirected to this origin. */
  readonly blobOrigin?: () => string;
  readonly contentRangeStart?: number;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface LoggedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  bodyBytes: number;
  status: number;
  sentBytes: number;
}

/** What arrived of a blob. */
class Upload {
  readonly pieces: Buffer[] = [];
  sizeBytes = 0;

  add(piece: Buffer): void {
    this.pieces.push(piece);
    this.sizeBytes += piece.length;
  }
}

interface Repository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, { readonly type: string; readonly bytes: Buffer }>;
}

/** A registry in this process that speaks the real protocol, and fails as it is told to. */
export class RegistryDouble {
  readonly options: DoubleOptions;
  readonly log: LoggedRequest[] = [];
  readonly repositories = new Map<string, Repository>();
  readonly uploads = new Map<string, Upload>();
  readonly tokens: TokenBook = new Map();
  readonly #faults: { method: string; pattern: RegExp; fault: Fault; times: number }[] = [];
  readonly #server: Server;

  private constructor(options: DoubleOptions) {
    this.options = options;
    const listener = (request: IncomingMessage, response: ServerResponse) =>
      void this.#serve(request, response);
    this.#server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  }

  static async start(options: DoubleOptions = {}): Promise<RegistryDouble> {
    const double = new RegistryDouble(options);
    double.#server.listen(0, '127.0.0.1');
    await once(double.#server, 'listening');
    return double;
  }

  /** `127.0.0.1:PORT`, as references name it. */
  get domain(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get origin(): string {
    return `${this.options.tls ? 'https' : 'http'}://${this.domain}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** The next `times` requests of this method whose URL matches go wrong. */
  fail(method: string, pattern: RegExp, fault: Fault, times = 1): void {
    this.#faults.push({ method, pattern, fault, times });
  }

  repository(path: string): Repository {
    const known = this.repositories.get(path) ?? { blobs: new Map(), manifests: new Map() };
    this.repositories.set(path, known);
    return known;
  }

  addBlob(path: string, bytes: Buffer): void {
    this.repository(path).blobs.set(digestOf(bytes), bytes);
  }

  addManifest(path: string, tag: string, type: string, bytes: Buffer): void {
    for (const reference of [tag, digestOf(bytes)])
      this.repository(path).manifests.set(reference, { type, bytes });
  }

  /** `METHOD /path` of every request so far, without the probe for TLS and without queries. */
  get lines(): readonly string[] {
    return this.log.map(({ method, url }) => `${method} ${url.replace(/\?.*/, '')}`);
  }

  count(method: string, pattern: RegExp): number {
    return this.log.filter((entry) => entry.method === method && pattern.test(entry.url)).length;
  }

  get uploadedBytes(): number {
    return this.log.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
  }

  get downloadedBlobBytes(): number {
    const reads = this.log.filter(({ method, url }) => method === 'GET' && url.includes('/blobs/sha256:'));
    return reads.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  }

  #takeFault(method: string, url: string): Fault | undefined {
    const found = this.#faults.find(
      (entry) => entry.times > 0 && entry.method === method && entry.pattern.test(url),
    );
    if (found) found.times -= 1;
    return found?.fault;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const entry: LoggedRequest = { method, url, headers, bodyBytes: 0, status: 0, sentBytes: 0 };
    this.log.push(entry);
    request.on('error', () => {});
    const exchange = new Exchange(this, request, response, entry, this.#takeFault(method, url));
    await exchange.run().catch((error: Error) => {
      if (!response.destroyed) exchange.refuse(500, 'UNKNOWN', error.message);
    });
    entry.status = response.statusCode;
  }
}

class Exchange {
  readonly #double: RegistryDouble;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #entry: LoggedRequest;
  readonly #fault: Fault | undefined;
  readonly #url: URL;

  constructor(
    double: RegistryDouble,
    request: IncomingMessage,
    response: ServerResponse,
    entry: LoggedRequest,
    fault: Fault | undefined,
  ) {
    this.#double = double;
    this.#request = request;
    this.#response = response;
    this.#entry = entry;
    this.#fault = fault;
    this.#url = new URL(request.url ?? '/', double.origin);
  }

  async run(): Promise<void> {
    const fault = this.#fault;
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'reset') {
      this.#response.destroy();
      return;
    }
    if (fault?.kind === 'answer') {
      await this.#readBody();
      this.#send(fault.status, fault.headers ?? {}, Buffer.from(fault.body ?? ''));
      return;
    }
    if (this.#url.pathname === '/token') return this.#token();
    const challenge = checkAccess(this.#double, this.#request, this.#url);
    if (challenge) {
      this.#request.resume();
      this.refuse(challenge.status, challenge.code, 'authentication required', challenge.headers);
      return;
    }
    await this.#route();
  }

  refuse(status: number, code: string, message: string, headers: Record<string, string> = {}): void {
    const body = JSON.stringify({ errors: [{ code, message, detail: null }] });
    this.#send(status, { 'content-type': 'application/json', ...headers }, Buffer.from(body));
  }

  async #token(): Promise<void> {
    const answer = serveToken(this.#double, this.#request, this.#url, (await this.#readBody()).toString());
    this.#send(
      answer.status,
      { 'content-type': 'application/json' },
      Buffer.from(JSON.stringify(answer.body)),
    );
  }

  async #route(): Promise<void> {
    const { pathname } = this.#url;
    if (pathname === '/v2/') return this.#send(200, {}, Buffer.from('{}'));
    const blob = /^\/v2\/(.+)\/blobs\/(sha256:[0-9a-f]{64})$/.exec(pathname);
    if (blob) return this.#blob(blob[1] ?? '', blob[2] ?? '');
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(pathname);
    if (upload) return this.#upload(upload[1] ?? '', upload[2] ?? '');
    const manifest = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(pathname);
    if (manifest) return this.#manifest(manifest[1] ?? '', manifest[2] ?? '');
    this.refuse(404, 'UNSUPPORTED', 'no such endpoint');
  }

  async #blob(path: string, digest: string): Promise<void> {
    const { options } = this.#double;
    const bytes = this.#double.repositories.get(path)?.blobs.get(digest);
    if (this.#request.method === 'HEAD' && options.hasHead === false)
      return this.#send(405, {}, Buffer.alloc(0));
    if (bytes === undefined) return this.refuse(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    if (this.#request.method === 'GET' && options.blobOrigin) {
      const location = `${options.blobOrigin()}${this.#url.pathname}?signature=secret`;
      return this.#send(307, { location }, Buffer.alloc(0));
    }
    const start = Number(/^bytes=(\d+)-$/.exec(this.#request.headers.range ?? '')?.[1] ?? Number.NaN);
    if (Number.isNaN(start) || options.hasRange === false) {
      return this.#send(200, { 'docker-content-digest': digest }, bytes);
    }
    const shown = options.contentRangeStart ?? start;
    const headers = { 'content-range': `bytes ${shown}-${bytes.length - 1}/${bytes.length}` };
    this.#send(206, headers, bytes.subarray(start));
  }

  async #upload(path: string, id: string): Promise<void> {
    const { uploads, options } = this.#double;
    const { method } = this.#request;
    if (method === 'POST' && id === '') return this.#startUpload(path);
    if (this.#fault?.kind === 'forget-upload') uploads.delete(id);
    const upload = uploads.get(id);
    if (upload === undefined) {
      await this.#readBody();
      return this.refuse(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
    }
    if (method === 'DELETE') {
      uploads.delete(id);
      return this.#send(204, {}, Buffer.alloc(0));
    }
    if (method === 'GET')
      return this.#send(204, this.#uploadHeaders(path, id, upload.sizeBytes), Buffer.alloc(0));
    if (
      Number(this.#request.headers['content-length'] ?? 0) > (options.bodyLimit ?? Number.POSITIVE_INFINITY)
    ) {
      await this.#readBody();
      return this.#send(413, {}, Buffer.from('<html>too large</html>'));
    }
    const range = /^(\d+)-(\d+)$/.exec(this.#request.headers['content-range'] ?? '');
    if (range && Number(range[1]) !== upload.sizeBytes) {
      await this.#readBody();
      return this.#send(416, this.#uploadHeaders(path, id, upload.sizeBytes), Buffer.alloc(0));
    }
    if (this.#fault?.kind === 'hold-upload') await this.#fault.until;
    await this.#readBody((piece) => upload.add(piece));
    if (this.#response.destroyed) return;
    if (method === 'PATCH')
      return this.#send(202, this.#uploadHeaders(path, id, upload.sizeBytes), Buffer.alloc(0));
    await this.#finishUpload(path, id, Buffer.concat(upload.pieces));
  }

  async #startUpload(path: string): Promise<void> {
    const { searchParams } = this.#url;
    const mount = searchParams.get('mount');
    const source = this.#double.repositories.get(searchParams.get('from') ?? '')?.blobs.get(mount ?? '');
    if (mount !== null && source && this.#double.options.hasMount !== false) {
      this.#double.addBlob(path, source);
      return this.#send(201, { location: `/v2/${path}/blobs/${mount}` }, Buffer.alloc(0));
    }
    const id = randomUUID();
    this.#double.uploads.set(id, new Upload());
    this.#send(202, this.#uploadHeaders(path, id, 0), Buffer.alloc(0));
  }

  async #finishUpload(path: string, id: string, bytes: Buffer): Promise<void> {
    this.#double.uploads.delete(id);
    const digest = this.#url.searchParams.get('digest') ?? '';
    if (digestOf(bytes) !== digest) return this.refuse(400, 'DIGEST_INVALID', 'digest did not match content');
    this.#double.addBlob(path, bytes);
    this.#send(201, { location: `/v2/${path}/blobs/${digest}` }, Buffer.alloc(0));
  }

  #uploadHeaders(path: string, id: string, sizeBytes: number): Record<string, string> {
    return {
      location: `/v2/${path}/blobs/uploads/${id}?_state=a%2Fb`,
      range: `0-${Math.max(0, sizeBytes - 1)}`,
    };
  }

  async #manifest(path: string, reference: string): Promise<void> {
    const repository = this.#double.repository(path);
    if (this.#request.method === 'PUT') {
      const bytes = await this.#readBody();
      const missing = blobsOf(bytes).find((digest) => !repository.blobs.has(digest));
      if (missing) return this.refuse(404, 'MANIFEST_BLOB_UNKNOWN', `blob unknown to registry: ${missing}`);
      this.#double.addManifest(path, reference, this.#request.headers['content-type'] ?? '', bytes);
      return this.#send(201, { 'docker-content-digest': digestOf(bytes) }, Buffer.alloc(0));
    }
    const found = repository.manifests.get(reference);
    if (found === undefined) return this.refuse(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    this.#send(
      200,
      { 'content-type': found.type, 'docker-content-digest': digestOf(found.bytes) },
      found.bytes,
    );
  }

  async #readBody(keep?: (piece: Buffer) => void): Promise<Buffer> {
    const pieces: Buffer[] = [];
    const limit = this.#fault?.kind === 'cut-upload' ? this.#fault.bytes : Number.POSITIVE_INFINITY;
    for await (const piece of this.#request as AsyncIterable<Buffer>) {
      const kept = piece.subarray(0, Math.max(0, limit - this.#entry.bodyBytes));
      this.#entry.bodyBytes += kept.length;
      pieces.push(kept);
      keep?.(kept);
      if (this.#entry.bodyBytes >= limit) {
        this.#response.destroy();
        break;
      }
    }
    return Buffer.concat(pieces);
  }

  #send(status: number, headers: Record<string, string>, whole: Buffer): void {
    const fault = this.#fault;
    const bytes = fault?.kind === 'flip' ? flipLastBit(whole) : whole;
    this.#response.writeHead(status, { 'content-length': String(bytes.length), ...headers });
    if (this.#request.method === 'HEAD') {
      this.#response.end();
      return;
    }
    if (fault?.kind === 'cut-download' || fault?.kind === 'stall-download') {
      const part = bytes.subarray(0, fault.bytes);
      this.#entry.sentBytes = part.length;
      this.#response.write(part, () => {
        if (fault.kind === 'cut-download') setTimeout(() => this.#response.destroy(), 20);
      });
      return;
    }
    this.#entry.sentBytes = bytes.length;
    this.#response.end(bytes);
  }
}

function blobsOf(manifest: Buffer): readonly string[] {
  const { config, layers = [] } = JSON.parse(manifest.toString()) as {
    config?: { digest: string };
    layers?: readonly { digest: string }[];
  };
  return [config, ...layers].flatMap((entry) => (entry && isDigest(entry.digest) ? [entry.digest] : []));
}

function flipLastBit(bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  const last = flipped.length - 1;
  if (last >= 0) flipped[last] = (flipped[last] ?? 0) ^ 1;
  return flipped;
}
