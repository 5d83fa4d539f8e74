import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { digestOf } from '../../../../src/base/digest.ts';
import { Exchange, type Upload } from './double-exchange.ts';
import type { DoubleLogin, TokenBook } from './double-login.ts';

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
  /** The answer's body comes whole and chunked, but the connection is cut before its end. */
  | { readonly kind: 'cut-end' }
  /** What is asked for is done, but the answer gets lost. */
  | { readonly kind: 'cut-answer' }
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
  /** The referrers API, with so many entries a page. */
  readonly referrersPage?: number;
  readonly tls?: {
    readonly key: string;
    readonly cert: string;
    readonly ca?: string;
    readonly requestCert?: boolean;
    readonly rejectUnauthorized?: boolean;
  };
}

export interface LoggedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  bodyBytes: number;
  status: number;
  sentBytes: number;
}

interface Repository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, { readonly type: string; readonly bytes: Buffer }>;
}

/** A registry in this process that speaks the real protocol, and fails on request. */
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
