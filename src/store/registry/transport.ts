import { Readable } from 'node:stream';
import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { ByteStream } from '../../image/image.ts';
import { proxyFor, showProxy } from './proxy.ts';
import type { RegistrySettings } from './registry-options.ts';
import { trustFor } from './trust.ts';

/** A body that can be sent again: whole in memory, or opened again for every sending. */
export type RequestBody = Buffer | { readonly sizeBytes: number; open(): ByteStream };

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** Counts instead of the session's, for what must be done after that was aborted. */
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Must be read to its end, or thrown away with {@link discardBody}. */
  readonly body: Dispatcher.ResponseData['body'];
  /** Where the answer came from, after redirects. */
  readonly url: URL;
}

/** What went wrong on the way through a proxy; the cause tells what. */
export class ProxiedError extends Error {
  /** The proxy, fit for messages. */
  readonly proxy: string;

  constructor(proxy: string, cause: unknown) {
    super(`through the proxy ${proxy}`, { cause });
    this.proxy = proxy;
  }
}

/** Refuses to read more of an answer than it can honestly need. */
export class OversizedBodyError extends Error {}

/**
 * Connections to hosts, by TLS or plain, straight or through proxies. One exchange per call: no retry, no redirect, no
 * authentication. Throws what undici throws, in a {@link ProxiedError} where there is a proxy.
 */
export class Transport {
  readonly #settings: RegistrySettings;
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>();

  constructor(settings: RegistrySettings) {
    this.#settings = settings;
  }

  async send({ method, url, headers, body, ...more }: HttpRequest): Promise<HttpResponse> {
    const { timeouts, signal = null } = this.#settings;
    const dispatcher = await this.#dispatcherFor(url);
    const request = dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: { ...headers, ...lengthOf(method, body) },
      body: bodyToSend(body),
      headersTimeout: method === 'GET' || method === 'HEAD' ? timeouts.headersMs : timeouts.uploadMs,
      bodyTimeout: timeouts.stallMs,
      signal: more.signal ?? signal,
    });
    const proxy = proxyFor(url, this.#settings.environment);
    const { statusCode, ...answer } = await request.catch((error: unknown) => {
      throw proxy === undefined ? error : new ProxiedError(showProxy(proxy), error);
    });
    return { status: statusCode, headers: answer.headers, body: answer.body, url };
  }

  /** Ends all connections; open streams break. */
  async close(): Promise<void> {
    const dispatchers = await Promise.allSettled(this.#dispatchers.values());
    this.#dispatchers.clear();
    for (const made of dispatchers) if (made.status === 'fulfilled') await made.value.destroy();
  }

  #dispatcherFor(url: URL): Promise<Dispatcher> {
    const known = this.#dispatchers.get(url.origin);
    if (known) return known;
    const made = this.#connectTo(url);
    this.#dispatchers.set(url.origin, made);
    return made;
  }

  async #connectTo(url: URL): Promise<Dispatcher> {
    const { connectMs } = this.#settings.timeouts;
    const tls = url.protocol === 'https:' ? await trustFor(url, this.#settings) : {};
    const proxy = proxyFor(url, this.#settings.environment);
    // allowH2 off: registries answer early and half-close, which HTTP/1.1 shows plainly.
    const common = { connectTimeout: connectMs, allowH2: false };
    if (proxy === undefined) return new Agent({ ...common, connect: { ...tls, timeout: connectMs } });
    return new ProxyAgent({
      ...common,
      uri: proxy,
      clientFactory: poolForTunnels,
      proxyTunnel: url.protocol === 'https:',
      requestTls: { ...tls, timeout: connectMs },
      proxyTls: { timeout: connectMs },
    });
  }
}

/**
 * Where a proxy hangs up, undici's own error makes its client connect again and again without an end (7.30,
 * dispatcher/client.js, onError): another one around it gets out.
 */
function poolForTunnels(origin: URL, options: object): Dispatcher {
  const pool = new Pool(origin, options);
  const connect = pool.connect.bind(pool);
  const connectOnce = (to: Dispatcher.ConnectOptions) =>
    connect(to).catch((cause: unknown) => {
      throw new Error('the proxy opens no tunnel', { cause });
    });
  return Object.assign(pool, { connect: connectOnce });
}

/** The whole body, at most `limitBytes` of it; throws an {@link OversizedBodyError} for more. */
export async function readBody(response: HttpResponse, limitBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of response.body as AsyncIterable<Buffer>) {
    sizeBytes += piece.length;
    if (sizeBytes > limitBytes) throw new OversizedBodyError(`more than ${limitBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Throws the rest of an answer away, so that its connection can serve the next request. */
export async function discardBody(response: HttpResponse): Promise<void> {
  // What breaks in an answer that is not read is of no interest; the connection is then not used again.
  await response.body.dump({ limit: 64 * 1024 }).catch(() => {});
}

/** A header's value; the first one if the other side sent several. */
export function headerOf(response: HttpResponse, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === 'object' ? value[0] : value;
}

function lengthOf(method: string, body: RequestBody | undefined): Record<string, string> {
  if (body === undefined) return method === 'GET' || method === 'HEAD' ? {} : { 'content-length': '0' };
  return { 'content-length': String(Buffer.isBuffer(body) ? body.length : body.sizeBytes) };
}

function bodyToSend(body: RequestBody | undefined): Buffer | Readable | null {
  if (body === undefined) return null;
  return Buffer.isBuffer(body) ? body : Readable.from(body.open(), { objectMode: false });
}
