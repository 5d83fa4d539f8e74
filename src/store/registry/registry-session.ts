import type { ImageName } from '../../reference/image-name.ts';
import { Authenticator } from './authenticator.ts';
import { parseChallenges } from './challenge.ts';
import { type Endpoint, hostOfDomain, mayBePlain } from './endpoint.ts';
import { isHungUp, isNotTls, isRefused, networkFailure } from './network-error.ts';
import { sendFollowing } from './redirect.ts';
import { type RequestSubject, refusal } from './registry-error.ts';
import { type RegistryOptions, type RegistrySettings, registrySettings } from './registry-options.ts';
import { sendPatiently } from './retry.ts';
import { type Action, scopeOf } from './scope.ts';
import {
  discardBody,
  type HttpRequest,
  type HttpResponse,
  type RequestBody,
  Transport,
} from './transport.ts';

/** One repository of a registry, by the names that references use. */
export interface Repository {
  readonly domain: string;
  readonly path: string;
}

/** One request about a repository. */
export interface RegistryRequest {
  readonly repository: Repository;
  /** For messages: `read the manifest of tag 3.12`. */
  readonly purpose: string;
  readonly method: HttpRequest['method'];
  /** Below `/v2/REPOSITORY/`, or a whole URL that the registry gave. */
  readonly target: string | URL;
  readonly actions: readonly Action[];
  /** Another repository to read from (mounts). */
  readonly mountedPath?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  /** The body cannot be sent twice: a login that expires meanwhile is not renewed here, a redirect not followed. */
  readonly isBodyOnce?: boolean;
  /** Counts instead of the session's, for what must be done after that was aborted. */
  readonly signal?: AbortSignal;
}

/** Connections, logins and settings for any number of registries. Close it when the work is done. */
export class RegistrySession {
  readonly settings: RegistrySettings;
  readonly #transport: Transport;
  readonly #authenticator: Authenticator;
  readonly #endpoints = new Map<string, Promise<Endpoint>>();
  /** Domains that answered something. */
  readonly #answered = new Set<string>();

  constructor(options: RegistryOptions) {
    this.settings = registrySettings(options);
    this.#transport = new Transport(this.settings);
    this.#authenticator = new Authenticator(this.#transport, this.settings);
  }

  /**
   * Sends a request until it has an answer that is worth having: repeats it while the connection breaks or the registry
   * is busy. Gives answers with a status of `expected`; throws a `registry` or `not-found` error for all others.
   */
  async send(ask: RegistryRequest, expected: readonly number[]): Promise<HttpResponse> {
    let response: HttpResponse;
    try {
      const { domain } = ask.repository;
      response = await sendPatiently(
        () => this.sendOnce(ask),
        this.settings,
        () => this.#answered.has(domain),
      );
    } catch (error) {
      throw this.failure(ask, error);
    }
    if (expected.includes(response.status)) return response;
    throw await this.refusal(ask, response);
  }

  /** Sends a request, logs in where that is asked for, and gives any answer. Raw errors of the connection pass through. */
  async sendOnce(ask: RegistryRequest): Promise<HttpResponse> {
    const { repository, isBodyOnce } = ask;
    const registry = new URL((await this.#endpointOf(repository.domain)).origin);
    const url = urlOf(ask, registry);
    const wish = { ...repository, registry, scopes: scopesOf(ask), question: questionOf(ask) };
    const isOwn = url.origin === registry.origin;
    const first = isOwn ? await this.#authenticator.authorizationFor(wish) : undefined;
    const response = await this.#exchange(ask, url, first);
    this.#answered.add(repository.domain);
    if (response.status !== 401 || response.url.origin !== registry.origin || isBodyOnce) return response;
    const challenges = parseChallenges(response.headers['www-authenticate']);
    const second = await this.#authenticator.answer(challenges, wish, first);
    if (second === undefined) return response;
    await discardBody(response);
    return this.#exchange(ask, url, second);
  }

  /** The error for an answer that is a refusal; reads it. */
  refusal(ask: RegistryRequest, response: HttpResponse): Promise<Error> {
    const login = this.#authenticator.loginFacts(ask.repository.domain);
    return refusal(questionOf(ask), response, login, this.settings.now());
  }

  /** The error for a request that got no answer. */
  failure(ask: RegistryRequest, error: unknown): Error {
    return networkFailure(questionOf(ask), error, this.settings.signal);
  }

  /** Ends all connections. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  #exchange(ask: RegistryRequest, url: URL, authorization: string | undefined): Promise<HttpResponse> {
    const { method, body, isBodyOnce, signal } = ask;
    // Blobs are hashed as they are stored: no encoding on the way.
    const headers = { 'accept-encoding': 'identity', 'user-agent': 'gsc', ...ask.headers };
    const request = { method, url, headers, authorization, isBodyOnce };
    const given = { ...(body && { body }), ...(signal && { signal }) };
    return sendFollowing(this.#transport, { ...request, ...given }, this.settings);
  }

  async #endpointOf(domain: string): Promise<Endpoint> {
    const known = this.#endpoints.get(domain) ?? this.#findEndpoint(domain);
    this.#endpoints.set(domain, known);
    try {
      return await known;
    } catch (error) {
      this.#endpoints.delete(domain);
      throw error;
    }
  }

  /** TLS wherever it is spoken; hosts that need not speak it are asked first. */
  async #findEndpoint(domain: string): Promise<Endpoint> {
    const host = hostOfDomain(domain);
    const secure = { domain, origin: `https://${host}` };
    if (!mayBePlain(host, this.settings.insecureRegistries)) return secure;
    const plain = { domain, origin: `http://${host}` };
    try {
      await this.#ping(secure);
      return secure;
    } catch (error) {
      const hasPort = /:\d+$/.test(host);
      if (isNotTls(error) || (!hasPort && isRefused(error))) return plain;
      if (isHungUp(error) && (await this.#speaksPlain(plain))) return plain;
      throw error;
    }
  }

  /** A server of TLS answers plain http with 400, if at all. */
  #speaksPlain(endpoint: Endpoint): Promise<boolean> {
    return this.#ping(endpoint).then(
      (status) => status !== 400,
      () => false,
    );
  }

  async #ping({ origin }: Endpoint): Promise<number> {
    const url = new URL(`${origin}/v2/`);
    const response = await this.#transport.send({ method: 'GET', url, headers: {} });
    await discardBody(response);
    return response.status;
  }
}

/** The repository of an image name. */
export function repositoryOf({ domain, path }: ImageName): Repository {
  return { domain, path };
}

/** How messages call a repository. */
export function showRepository({ domain, path }: Repository): string {
  return `${domain}/${path}`;
}

function questionOf({ repository, purpose }: RegistryRequest): RequestSubject {
  return { domain: repository.domain, subject: showRepository(repository), purpose };
}

function urlOf({ target, repository }: RegistryRequest, registry: URL): URL {
  return typeof target === 'string' ? new URL(`/v2/${repository.path}/${target}`, registry) : target;
}

function scopesOf({ repository, actions, mountedPath }: RegistryRequest): readonly string[] {
  const own = scopeOf(repository.path, actions);
  return mountedPath === undefined ? [own] : [own, scopeOf(mountedPath, ['pull'])];
}
