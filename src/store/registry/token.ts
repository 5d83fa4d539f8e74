import { GscError } from '../../base/error.ts';
import { readJson } from '../../json/read-json.ts';
import { number, object, text } from '../../json/shape.ts';
import type { Challenge } from './challenge.ts';
import type { Credentials } from './credential-helper.ts';
import { mayBePlain } from './endpoint.ts';
import { networkFailure } from './network-error.ts';
import { sendFollowing } from './redirect.ts';
import { type LoginFacts, type RequestSubject, refusal } from './registry-error.ts';
import type { RegistrySettings } from './registry-options.ts';
import { sendPatiently } from './retry.ts';
import { type HttpResponse, readBody, type Transport } from './transport.ts';

/** A bearer token and when it ends, in milliseconds since 1970. */
export interface Token {
  readonly value: string;
  readonly expiresAtMs: number;
}

export interface TokenWish {
  /** The registry's own origin, which sent the challenge. */
  readonly registry: URL;
  readonly challenge: Challenge;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  readonly question: RequestSubject;
  readonly login: LoginFacts;
}

/** Tokens of large registries have some kilobytes. */
const maximalAnswerBytes = 1024 * 1024;

/** What a token server means that gives no lifetime. distribution, "Token Authentication Specification". */
const defaultLifetimeSeconds = 60;

/** Named to token servers as the program that asks. */
const clientId = 'gsc';

const tokenShape = object({ token: text, access_token: text, expires_in: number });

/**
 * Gets a token from the server that a Bearer challenge names: with GET (and Basic, if there is a password), or with
 * POST for an identity token. Throws a `registry` error.
 */
export async function fetchToken(
  transport: Transport,
  settings: RegistrySettings,
  wish: TokenWish,
): Promise<Token> {
  const realm = realmOf(wish, settings);
  const question = questionAt(wish, realm);
  try {
    const response = await sendPatiently(
      () => askRealm(transport, settings, wish, realm),
      settings,
      // The registry sent us there: there is a network.
      () => true,
    );
    if (response.status !== 200) throw await refusal(question, response, wish.login, settings.now());
    return parseToken(await readBody(response, maximalAnswerBytes), wish, settings.now());
  } catch (error) {
    throw networkFailure(question, error, settings.signal);
  }
}

function askRealm(
  transport: Transport,
  settings: RegistrySettings,
  wish: TokenWish,
  realm: URL,
): Promise<HttpResponse> {
  const { credentials, scopes } = wish;
  const service = wish.challenge.parameters.get('service');
  const headers = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': clientId };
  if (credentials?.kind === 'identity-token') {
    const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: clientId });
    if (service !== undefined) form.set('service', service);
    if (scopes.length > 0) form.set('scope', scopes.join(' '));
    form.set('refresh_token', credentials.token);
    const typed = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
    const body = Buffer.from(form.toString());
    const request = { method: 'POST', url: realm, headers: typed, body, hasSecretBody: true } as const;
    return sendFollowing(transport, request, settings);
  }
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (credentials?.kind === 'password') url.searchParams.set('account', credentials.username);
  const authorization = credentials?.kind === 'password' ? basicAuthorization(credentials) : undefined;
  return sendFollowing(transport, { method: 'GET', url, headers, authorization }, settings);
}

/** The value of an Authorization header. RFC 7617, in UTF-8. */
export function basicAuthorization(credentials: {
  readonly username: string;
  readonly password: string;
}): string {
  const pair = `${credentials.username}:${credentials.password}`;
  return `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
}

/** Passwords go where the registry says, but never from TLS to plain http. */
function realmOf({ challenge, registry, question }: TokenWish, settings: RegistrySettings): URL {
  const text = challenge.parameters.get('realm') ?? '';
  const realm = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = realm?.protocol === 'http:';
  const isAllowedPlain =
    isPlain && registry.protocol === 'http:' && mayBePlain(realm.host, settings.insecureRegistries);
  if (realm && (realm.protocol === 'https:' || isAllowedPlain)) return realm;
  throw new GscError({
    code: 'registry',
    subject: question.subject,
    message: `cannot ${question.purpose}: the registry asks for a login at ${
      isPlain ? `${realm.host} without TLS` : 'an address that is not a URL'
    }`,
    hint: 'tell the operators of the registry; its token realm must be an https URL',
  });
}

function questionAt({ question }: TokenWish, realm: URL): RequestSubject {
  return { ...question, purpose: `${question.purpose} (no token from ${realm.host})` };
}

function parseToken(bytes: Buffer, { question }: TokenWish, nowMs: number): Token {
  const { value: answer, problem } = readJson(bytes.toString('utf8'), tokenShape);
  const value = answer?.token || answer?.access_token || '';
  // What is not a plain word cannot stand in a header.
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new GscError({
      code: 'registry',
      subject: question.subject,
      message: `cannot ${question.purpose}: the answer of the token server holds no token${problem === undefined ? '' : ` (${problem})`}`,
      hint: `check that ${question.domain} is an image registry, and the proxies on the way`,
    });
  }
  const lifetimeSeconds = Math.max(answer?.expires_in ?? 0, defaultLifetimeSeconds);
  return { value, expiresAtMs: nowMs + lifetimeSeconds * 1000 };
}
