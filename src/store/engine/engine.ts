import type { Duplex } from 'node:stream';
import { GscError } from '../../base/error.ts';
import type { ByteStream } from '../../image/image.ts';
import { readJson } from '../../json/read-json.ts';
import type { Shape } from '../../json/shape.ts';
import type { EngineAddress, EngineKind } from './engine-address.ts';
import {
  EngineConnection,
  type EngineOptions,
  type EngineRequest,
  readText,
  type UpgradeRequest,
} from './engine-connection.ts';
import { refusalError, withoutEngineHint } from './engine-error.ts';

/** How an Engine builds images: one step at a time in containers, or with BuildKit. */
export type Builder = 'classic' | 'buildkit';

export interface EngineAnswer {
  readonly status: number;
  readonly body: ByteStream;
}

/** Docker Engine 20.10. */
const oldestApi = [1, 41] as const;
/** Docker Engine 29. Nothing that gsc asks has changed up to there. */
const newestApi = [1, 52] as const;

/**
 * Asks an Engine who it is and agrees on a version of the API. The caller closes it. Throws an `engine` error if it does
 * not answer or is too old, an `aborted` error.
 */
export async function connectEngine(address: EngineAddress, options: EngineOptions = {}): Promise<Engine> {
  const connection = new EngineConnection(address, options);
  try {
    const answer = await connection.send({ method: 'GET', path: '/_ping', purpose: 'reach it' });
    const text = await readText(answer.body);
    const isPodman = answer.headers['libpod-api-version'] !== undefined;
    connection.kind = isPodman ? 'podman' : 'docker';
    const { subject } = connection;
    if (answer.statusCode !== 200) {
      throw refusalError(subject, 'reach it', { status: answer.statusCode, text });
    }
    const api = agreeOnApi(String(answer.headers['api-version'] ?? ''), subject);
    const builder = answer.headers['builder-version'] === '2' ? 'buildkit' : 'classic';
    return new Engine(connection, api, builder);
  } catch (error) {
    await connection.close();
    throw connection.explain(error, 'reach it');
  }
}

/** A Docker Engine, or Podman in its stead. */
export class Engine {
  /** `1.41` to `1.52`. */
  readonly apiVersion: string;
  /** The builder that it wants to be asked for. */
  readonly preferredBuilder: Builder;
  readonly #connection: EngineConnection;

  /** For {@link connectEngine} only. */
  constructor(connection: EngineConnection, apiVersion: string, preferredBuilder: Builder) {
    this.#connection = connection;
    this.apiVersion = apiVersion;
    this.preferredBuilder = preferredBuilder;
  }

  get kind(): EngineKind {
    return this.#connection.kind;
  }

  get address(): EngineAddress {
    return this.#connection.address;
  }

  /** How messages call it. */
  get subject(): string {
    return this.#connection.subject;
  }

  /** Sends a request; the caller reads the body to its end. Throws an `engine` or `aborted` error, also in the body. */
  async send(request: EngineRequest): Promise<EngineAnswer> {
    const path = `/v${this.apiVersion}${request.path}`;
    const answer = await this.#connection.send({ ...request, path });
    return { status: answer.statusCode, body: this.#connection.explained(answer.body, request.purpose) };
  }

  /** Takes a connection over for another protocol. Throws an `engine` or `aborted` error. */
  upgrade(request: UpgradeRequest): Promise<Duplex> {
    return this.#connection.upgrade({ ...request, path: `/v${this.apiVersion}${request.path}` });
  }

  /**
   * The JSON of an answer; null for an empty one, undefined for status 404. Throws an `engine` error for any other refusal,
   * and for JSON of another shape.
   */
  async ask<Value>(request: EngineRequest, shape: Shape<Value>): Promise<Value | null | undefined> {
    const { status, body } = await this.send(request);
    const text = await readText(body);
    if (status === 404) return undefined;
    if (status >= 300) throw refusalError(this.subject, request.purpose, { status, text });
    // Podman ends an empty answer with a line.
    if (text.trim() === '') return null;
    const { value, problem } = readJson(text, shape);
    if (problem === undefined) return value;
    throw new GscError({
      code: 'engine',
      subject: this.subject,
      message: `cannot ${request.purpose}: unexpected response: ${problem}: ${JSON.stringify(text.slice(0, 200))}`,
      hint: `use Docker from 20.10 on, or Podman from 4 on; if what listens there is not an Engine, correct ${this.address.origin}`,
    });
  }

  /** Ends all connections; open streams break. */
  close(): Promise<void> {
    return this.#connection.close();
  }
}

/** The newest version that both know. */
function agreeOnApi(offered: string, subject: string): string {
  const [, major, minor] = /^(\d+)\.(\d+)$/.exec(offered) ?? [];
  if (major === undefined || minor === undefined) {
    throw new GscError({
      code: 'engine',
      subject,
      message: `expected the version of an Engine's API, got ${JSON.stringify(offered)}`,
      hint: 'what listens there is not an Engine',
    });
  }
  const [own, theirs] = [newestApi[1], Number(minor)];
  if (Number(major) === oldestApi[0] && theirs >= oldestApi[1]) return `1.${Math.min(own, theirs)}`;
  if (Number(major) > oldestApi[0]) return newestApi.join('.');
  throw new GscError({
    code: 'engine',
    subject,
    message: `its API is too old: expected ${oldestApi.join('.')} (Docker 20.10) or newer, got ${offered}`,
    hint: `update Docker, or ${withoutEngineHint}`,
  });
}
