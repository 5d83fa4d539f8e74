import { setMaxListeners } from 'node:events';
import { type Duplex, Readable } from 'node:stream';
import { Agent, type Dispatcher, upgrade } from 'undici';
import { GscError } from '../../base/error.ts';
import type { ByteStream } from '../../image/image.ts';
import { throwIfAborted } from '../local/abort.ts';
import { type EngineAddress, type EngineKind, guessKind } from './engine-address.ts';
import { connectionError, engineSubject } from './engine-error.ts';

/** How long an Engine may be silent. */
export interface EngineTimeouts {
  readonly connectMs: number;
  /** For questions that need no work. */
  readonly answerMs: number;
  /** For exports and imports: before its first byte an Engine may write the whole image to its disk. */
  readonly transferMs: number;
}

export interface EngineOptions {
  readonly timeouts?: Partial<EngineTimeouts>;
  readonly signal?: AbortSignal;
}

/** One question to an Engine. */
export interface EngineRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below the API's version: `/images/json`, with the query. */
  readonly path: string;
  /** What it is for, as the end of "cannot …". */
  readonly purpose: string;
  readonly body?: () => ByteStream;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly isTransfer?: boolean;
  /** The Engine may be silent for as long as it likes: compilers are. */
  readonly isEndless?: boolean;
  /** Is sent and waited for, for a while, although the run was aborted: what cleans up, or whose outcome must be known for that. */
  readonly outlastsAbort?: boolean;
}

/** A question after which the connection speaks another protocol. */
export interface UpgradeRequest {
  readonly path: string;
  readonly purpose: string;
  readonly protocol: string;
  /** A header with several values is sent once for each. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

const defaultTimeouts: EngineTimeouts = { connectMs: 10_000, answerMs: 60_000, transferMs: 1_800_000 };

/** How long an aborted run waits for what outlasts that. Users press Ctrl-C again, and service managers kill, after longer. */
const graceMs = 10_000;

/** Answers of JSON are small; the list of a thousand images is below 1 MiB. */
const maximalTextBytes = 64 * 1024 * 1024;

/** HTTP to one address. Its methods throw `engine` and `aborted` errors. */
export class EngineConnection {
  readonly address: EngineAddress;
  /** A guess, until there is an answer. */
  kind: EngineKind;
  readonly #agent: Agent;
  readonly #timeouts: EngineTimeouts;
  readonly #signal: AbortSignal | undefined;
  #isStarted = false;
  #graceSignal: AbortSignal | undefined;

  constructor(address: EngineAddress, options: EngineOptions) {
    this.address = address;
    this.kind = guessKind(address);
    this.#timeouts = { ...defaultTimeouts, ...options.timeouts };
    this.#signal = options.signal;
    this.#agent = new Agent({ connect: connectorOf(address, this.#timeouts.connectMs) });
  }

  /** How messages call who answers. */
  get subject(): string {
    return engineSubject(this.address, this.kind);
  }

  async send(request: EngineRequest): Promise<Dispatcher.ResponseData> {
    const { purpose, method, path, body, contentType, headers, isTransfer, isEndless } = request;
    const signal = request.outlastsAbort ? this.#laterSignal() : this.#signal;
    const limitMs = isTransfer ? this.#timeouts.transferMs : this.#timeouts.answerMs;
    const silenceMs = isEndless ? 0 : limitMs;
    throwIfAborted(signal, this.subject);
    try {
      const answer = await this.#agent.request({
        origin: originOf(this.address),
        path,
        method,
        headers: { ...headers, ...(contentType !== undefined && { 'content-type': contentType }) },
        body: body ? Readable.from(body(), { objectMode: false }) : null,
        headersTimeout: silenceMs,
        bodyTimeout: silenceMs,
        signal: signal ?? null,
      });
      this.#isStarted = true;
      return answer;
    } catch (cause) {
      throw this.explain(cause, purpose);
    }
  }

  /** The connection itself, once the Engine has agreed to the protocol. */
  async upgrade({ path, purpose, protocol, headers }: UpgradeRequest): Promise<Duplex> {
    throwIfAborted(this.#signal, this.subject);
    try {
      const answer = await upgrade(`${originOf(this.address)}${path}`, {
        dispatcher: this.#agent,
        method: 'POST',
        protocol,
        headers: Object.entries(headers).flatMap(([name, value]) =>
          [value].flat().flatMap((each) => [name, each]),
        ),
        signal: this.#signal ?? null,
      });
      return answer.socket;
    } catch (cause) {
      throw this.explain(cause, purpose);
    }
  }

  async *explained(body: AsyncIterable<Buffer>, purpose: string): ByteStream {
    try {
      for await (const piece of body) yield piece;
    } catch (cause) {
      throw this.explain(cause, purpose);
    }
  }

  /** The error that the user sees for one of undici's. */
  explain(cause: unknown, purpose: string): unknown {
    if (cause instanceof GscError) return cause;
    if (this.#signal?.aborted) {
      return new GscError({
        code: 'aborted',
        subject: this.subject,
        message: `stopped before it could ${purpose}`,
        cause,
      });
    }
    return connectionError(this.address, this.kind, { purpose, cause, isStarted: this.#isStarted });
  }

  /** For what must be done after an abort: one for all requests before it, as a signal keeps each listener. */
  #laterSignal(): AbortSignal | undefined {
    if (this.#signal?.aborted) return later(this.#signal, graceMs);
    this.#graceSignal ??= later(this.#signal, graceMs);
    return this.#graceSignal;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

/** A signal that comes so much later than another one, or than now if that has come. */
function later(signal: AbortSignal | undefined, delayMs: number): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  const controller = new AbortController();
  const start = () => setTimeout(() => controller.abort(signal.reason), delayMs).unref();
  if (signal.aborted) start();
  else signal.addEventListener('abort', start, { once: true });
  setMaxListeners(0, controller.signal);
  return controller.signal;
}

/** All of a body as text. Throws an `engine` error if it is absurdly long. */
export async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  for await (const piece of body) {
    sizeBytes += piece.length;
    if (sizeBytes > maximalTextBytes)
      throw new RangeError(`an answer of more than ${maximalTextBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function connectorOf(address: EngineAddress, timeout: number) {
  if (address.kind === 'unix') return { socketPath: address.path, timeout };
  const { tls } = address;
  if (!tls) return { timeout };
  const { isVerified, ...keys } = tls;
  return { ...keys, rejectUnauthorized: isVerified, timeout };
}

function originOf(address: EngineAddress): string {
  if (address.kind === 'unix') return 'http://localhost';
  return `${address.tls ? 'https' : 'http'}://${address.host}`;
}
