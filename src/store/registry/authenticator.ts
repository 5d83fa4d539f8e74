import type { Challenge } from './challenge.ts';
import type { Credentials } from './credential-helper.ts';
import { findCredentials } from './credentials.ts';
import type { LoginFacts, RequestSubject } from './registry-error.ts';
import type { RegistrySettings } from './registry-options.ts';
import { mergeScopes } from './scope.ts';
import { basicAuthorization, fetchToken, type Token } from './token.ts';
import type { Transport } from './transport.ts';

/** What a request needs leave for. */
export interface AccessRequest {
  /** Origin of the registry's API. */
  readonly registry: URL;
  readonly domain: string;
  /** The repository, for credentials that count for a part of a registry. */
  readonly path: string;
  readonly scopes: readonly string[];
  readonly question: RequestSubject;
}

/** A token that ends this soon is not used any more. */
const expiryMarginMs = 10_000;

/**
 * Knows how each registry wants to be asked, once it said so, and keeps tokens by scope. Credentials are looked up when
 * a registry asks for them, not before.
 */
export class Authenticator {
  readonly #transport: Transport;
  readonly #settings: RegistrySettings;
  readonly #challenges = new Map<string, Challenge>();
  readonly #credentials = new Map<string, Promise<Credentials | undefined>>();
  readonly #sources = new Map<string, string>();
  readonly #tokens = new Map<string, Promise<Token>>();
  readonly #secrets = new Set<string>();

  constructor(transport: Transport, settings: RegistrySettings) {
    this.#transport = transport;
    this.#settings = settings;
  }

  /** The Authorization header for a first try; undefined while the registry has not asked for one. */
  async authorizationFor(wish: AccessRequest): Promise<string | undefined> {
    const challenge = this.#challenges.get(wish.domain);
    return challenge && this.#authorize(challenge, wish);
  }

  /**
   * The header for a second try, after `challenges` came for a first one that carried `refused`; undefined if there is
   * no better one.
   */
  async answer(
    challenges: readonly Challenge[],
    wish: AccessRequest,
    refused: string | undefined,
  ): Promise<string | undefined> {
    const challenge = chooseChallenge(challenges);
    if (challenge === undefined) return undefined;
    this.#challenges.set(wish.domain, challenge);
    if (refused !== undefined) await this.#forget(challenge, wish, refused);
    const authorization = await this.#authorize(challenge, wish);
    return authorization === refused ? undefined : authorization;
  }

  /** What messages may say about logins at `domain`. */
  loginFacts(domain: string): LoginFacts {
    return {
      source: this.#sources.get(domain),
      redact: (text) => [...this.#secrets].reduce((shown, secret) => shown.replaceAll(secret, '***'), text),
    };
  }

  async #authorize(challenge: Challenge, wish: AccessRequest): Promise<string | undefined> {
    const credentials = await this.#credentialsFor(wish);
    if (challenge.scheme === 'basic') {
      return credentials?.kind === 'password' ? basicAuthorization(credentials) : undefined;
    }
    if (credentials?.kind === 'registry-token') return `Bearer ${credentials.token}`;
    return `Bearer ${(await this.#tokenFor(challenge, wish, credentials)).value}`;
  }

  async #tokenFor(
    challenge: Challenge,
    wish: AccessRequest,
    credentials: Credentials | undefined,
  ): Promise<Token> {
    const scopes = scopesOf(challenge, wish);
    const key = tokenKey(wish, scopes);
    const known = await this.#tokens.get(key);
    if (known && known.expiresAtMs - expiryMarginMs > this.#settings.now()) return known;
    const { registry, question } = wish;
    const login = this.loginFacts(wish.domain);
    const fetched = fetchToken(this.#transport, this.#settings, {
      registry,
      challenge,
      scopes,
      credentials,
      question,
      login,
    });
    this.#tokens.set(key, fetched);
    try {
      const token = await fetched;
      this.#secrets.add(token.value);
      return token;
    } catch (error) {
      this.#tokens.delete(key);
      throw error;
    }
  }

  /** A token that was refused is not used again, whatever its lifetime; one that came meanwhile stays. */
  async #forget(challenge: Challenge, wish: AccessRequest, refused: string): Promise<void> {
    const key = tokenKey(wish, scopesOf(challenge, wish));
    const known = await this.#tokens.get(key);
    if (known && `Bearer ${known.value}` === refused) this.#tokens.delete(key);
  }

  async #credentialsFor({ domain, path }: AccessRequest): Promise<Credentials | undefined> {
    const key = `${domain}/${path}`;
    const looked = this.#credentials.get(key) ?? findCredentials(domain, path, this.#settings);
    this.#credentials.set(key, looked);
    const found = await looked;
    if (found) {
      this.#sources.set(domain, found.source);
      for (const secret of secretsOf(found)) this.#secrets.add(secret);
    }
    return found;
  }
}

function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
  return bearer ?? challenges.find(({ scheme }) => scheme === 'basic');
}

/** What the work needs and what the registry asked for, if that is about the same repository. */
function scopesOf(challenge: Challenge, { scopes, path }: AccessRequest): readonly string[] {
  const asked = (challenge.parameters.get('scope') ?? '').split(' ').filter((scope) => scope !== '');
  return mergeScopes([...scopes, ...asked.filter((scope) => scope.startsWith(`repository:${path}:`))]);
}

function tokenKey({ domain, path }: AccessRequest, scopes: readonly string[]): string {
  return [domain, path, ...scopes].join(' ');
}

function secretsOf(credentials: Credentials): readonly string[] {
  if (credentials.kind !== 'password') return [credentials.token];
  const { password } = credentials;
  return [password, basicAuthorization(credentials).slice('Basic '.length)].filter(
    (text) => text.length >= 4,
  );
}
