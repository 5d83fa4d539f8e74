import { GscError } from '../../base/error.ts';
import { mayBePlain } from './endpoint.ts';
import type { RegistrySettings } from './registry-options.ts';
import { discardBody, type HttpRequest, type HttpResponse, headerOf, type Transport } from './transport.ts';

/** A request with the secret that only its first host may see. */
export interface GuardedRequest extends HttpRequest {
  /** Value of the Authorization header. */
  readonly authorization?: string | undefined;
  /** The body holds a secret too: it goes to no other host. */
  readonly hasSecretBody?: boolean;
  /** The body cannot be sent twice: a redirect is an answer like others. */
  readonly isBodyOnce?: boolean | undefined;
}

/** Registries redirect once, to their storage; some storages once more. */
const maximalRedirects = 5;

const redirectStatuses: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Sends a request and follows its redirects. The Authorization header stays with the first host; a redirect from https
 * to http, or to http on a host that may not speak it, is a `registry` error. What has a body follows 307 and 308 only.
 */
export async function sendFollowing(
  transport: Transport,
  request: GuardedRequest,
  settings: RegistrySettings,
): Promise<HttpResponse> {
  let { url } = request;
  for (let redirects = 0; ; redirects++) {
    const response = await transport.send({ ...request, url, headers: headersFor(request, url) });
    const location = headerOf(response, 'location');
    if (!isRedirect(request, response.status) || location === undefined) return response;
    await discardBody(response);
    if (redirects >= maximalRedirects)
      throw refusedRedirect(request.url, `more than ${maximalRedirects} redirects`);
    const target = resolveLocation(location, url, settings);
    if (request.hasSecretBody && target.origin !== request.url.origin) {
      throw refusedRedirect(request.url, `a redirect of a login to another host, ${target.host}`);
    }
    url = target;
  }
}

/**
 * The URL that a `Location` names. Throws a `registry` error for what is not a URL, is not http(s), or would leave TLS
 * behind.
 */
export function resolveLocation(location: string, base: URL, settings: RegistrySettings): URL {
  const target = URL.canParse(location, base.href) ? new URL(location, base) : undefined;
  if (target === undefined || !['http:', 'https:'].includes(target.protocol)) {
    throw refusedRedirect(base, 'a location that is not an http(s) URL');
  }
  if (target.protocol === 'https:') return target;
  if (base.protocol === 'https:') {
    throw refusedRedirect(base, `a location that drops TLS, on ${target.host}`);
  }
  if (!mayBePlain(target.host, settings.insecureRegistries)) {
    throw refusedRedirect(base, `a location without TLS, on ${target.host}`);
  }
  return target;
}

function isRedirect(request: GuardedRequest, status: number): boolean {
  if (!redirectStatuses.includes(status) || request.isBodyOnce) return false;
  return ['GET', 'HEAD'].includes(request.method) || status === 307 || status === 308;
}

function headersFor(request: GuardedRequest, url: URL): Record<string, string> {
  const isFirstHost = url.origin === request.url.origin;
  return {
    ...request.headers,
    ...(isFirstHost && request.authorization !== undefined && { authorization: request.authorization }),
  };
}

function refusedRedirect(from: URL, what: string): GscError {
  return new GscError({
    code: 'registry',
    subject: `registry ${from.host}`,
    message: `it answered with ${what}; this is not followed`,
    hint: 'tell the operators of the registry (behind a proxy: X-Forwarded-Proto, or the external URL in its settings)',
  });
}
