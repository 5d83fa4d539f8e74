import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** How the double wants to be asked. */
export type DoubleLogin =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'token';
      readonly username?: string;
      readonly password?: string;
      readonly identityToken?: string;
      /** Repositories that can be pulled without a login. */
      readonly publicPaths?: readonly string[];
      /** Where tokens come from; default: the double itself. */
      readonly realm?: string;
      /** How often a token is accepted before it counts as expired. */
      readonly usesPerToken?: number;
      readonly answerName?: 'token' | 'access_token';
    };

/** What each token allows, and how often it may be used. */
export type TokenBook = Map<string, { readonly scopes: readonly string[]; uses: number }>;

interface Double {
  readonly options: { readonly login?: DoubleLogin };
  readonly origin: string;
  readonly tokens: TokenBook;
}

interface Challenge {
  readonly status: number;
  readonly code: string;
  readonly headers: Record<string, string>;
}

/** What stands between a request and its answer; undefined if nothing does. */
export function checkAccess(double: Double, request: IncomingMessage, url: URL): Challenge | undefined {
  const { login } = double.options;
  if (login === undefined) return undefined;
  if (login.kind === 'basic') {
    const expected = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
    if (request.headers.authorization === expected) return undefined;
    return { status: 401, code: 'UNAUTHORIZED', headers: { 'www-authenticate': 'Basic realm="double"' } };
  }
  const needed = neededScope(request, url);
  const book = double.tokens.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
  if (book && book.uses > 0 && (needed === undefined || allows(book.scopes, needed))) {
    book.uses -= 1;
    return undefined;
  }
  const realm = login.realm ?? `${double.origin}/token`;
  const scope = needed === undefined ? '' : `,scope="${needed}"`;
  const header = `Bearer realm="${realm}",service="double, \\"quoted\\""${scope}`;
  return { status: 401, code: 'UNAUTHORIZED', headers: { 'www-authenticate': header } };
}

/** Answers a request for a token: as many rights as the one who asks has, even if that is none. */
export function serveToken(
  double: Double,
  request: IncomingMessage,
  url: URL,
  body: string,
): { readonly status: number; readonly body: unknown } {
  const { login } = double.options;
  if (login?.kind !== 'token') return { status: 404, body: {} };
  const form = new URLSearchParams(body);
  const isPost = request.method === 'POST';
  const wanted = isPost ? (form.get('scope') ?? '').split(' ') : url.searchParams.getAll('scope');
  const service = isPost ? form.get('service') : url.searchParams.get('service');
  if (service !== 'double, "quoted"') return { status: 400, body: { details: 'wrong service' } };
  const who = isPost
    ? form.get('grant_type') === 'refresh_token' && form.get('refresh_token') === login.identityToken
    : basicOf(request) === `${login.username}:${login.password}`;
  const isWrong = isPost ? !who : request.headers.authorization !== undefined && !who;
  if (isWrong)
    return { status: 401, body: { errors: [{ code: 'UNAUTHORIZED', message: 'incorrect login' }] } };
  const scopes = wanted.filter((scope) => who || isPublicPull(login.publicPaths ?? [], scope));
  const token = `token-${randomUUID()}`;
  double.tokens.set(token, { scopes, uses: login.usesPerToken ?? Number.POSITIVE_INFINITY });
  return { status: 200, body: { [login.answerName ?? 'token']: token, expires_in: 300 } };
}

function basicOf(request: IncomingMessage): string {
  return Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString();
}

function neededScope(request: IncomingMessage, url: URL): string | undefined {
  const path = /^\/v2\/(.+)\/(?:blobs|manifests)\//.exec(url.pathname)?.[1];
  if (path === undefined) return undefined;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  return `repository:${path}:${isRead && !url.pathname.includes('/uploads/') ? 'pull' : 'pull,push'}`;
}

function allows(scopes: readonly string[], needed: string): boolean {
  const [, path, actions = ''] = needed.split(':');
  return scopes.some((scope) => {
    const [, scopePath, scopeActions = ''] = scope.split(':');
    return (
      scopePath === path && actions.split(',').every((action) => scopeActions.split(',').includes(action))
    );
  });
}

function isPublicPull(publicPaths: readonly string[], scope: string): boolean {
  const [, path = '', actions] = scope.split(':');
  return publicPaths.includes(path) && actions === 'pull';
}
