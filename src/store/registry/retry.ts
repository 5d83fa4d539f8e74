import { GscError, systemErrorCode } from '../../base/error.ts';
import type { RegistrySettings } from './registry-options.ts';
import { discardBody, type HttpResponse, headerOf } from './transport.ts';

/** Too many requests, and what servers and proxies say when they cannot for the moment. RFC 9110, RFC 6585. */
const busyStatuses: readonly number[] = [408, 429, 500, 502, 503, 504];

/** Broken and stalled connections, as Node and undici name them. */
const transientCodes: readonly string[] = [
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
];

/** No connection was made: there is no network, or no way to the host. */
const unreachableCodes: readonly string[] = [
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
];

/** A host that never answered may well not exist, and each attempt takes as long as the system's patience. */
const attemptsAtUnknownHost = 2;

/** True if the same request may go better in a moment. */
export function isBusy(status: number): boolean {
  return busyStatuses.includes(status);
}

/** True for raw failures of the connection; false for those of TLS and of names, and for what was explained already. */
export function isTransient(error: unknown): boolean {
  return hasCode(error, transientCodes);
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  if (error instanceof GscError) return false;
  const code = systemErrorCode(error);
  if (code !== undefined && codes.includes(code)) return true;
  return error instanceof Error && error.cause !== undefined && hasCode(error.cause, codes);
}

/** Counts the attempts of one piece of work and waits between them. */
export class Attempts {
  readonly #settings: RegistrySettings;
  #made = 1;

  constructor(settings: RegistrySettings) {
    this.#settings = settings;
  }

  /** How many attempts there were, the running one included. */
  get made(): number {
    return this.#made;
  }

  /** Progress was made: failures before it no longer count. */
  reset(): void {
    this.#made = 1;
  }

  /** Waits before the next attempt; false, at once, if there is none left or the server wants too long a pause. */
  async another(response?: HttpResponse): Promise<boolean> {
    const { retry, signal, sleep } = this.#settings;
    const askedMs = response && retryAfterMs(response, this.#settings.now());
    if (this.#made >= retry.attempts || signal?.aborted) return false;
    if (askedMs !== undefined && askedMs > retry.maximalRetryAfterMs) return false;
    const pauseMs = Math.min(retry.firstPauseMs * 2 ** (this.#made - 1), retry.maximalPauseMs);
    const jittered = pauseMs * (1 - this.#settings.random() / 2);
    this.#made += 1;
    try {
      await sleep(Math.max(jittered, askedMs ?? 0), signal);
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
    return signal?.aborted !== true;
  }
}

/**
 * Sends again while the connection breaks or the server is busy. Gives the last answer, busy or not; throws the last
 * raw error of the connection. `hasAnswered` says whether the host ever did: one that did not, and cannot be reached,
 * is given up soon.
 */
export async function sendPatiently(
  send: () => Promise<HttpResponse>,
  settings: RegistrySettings,
  hasAnswered: () => boolean,
): Promise<HttpResponse> {
  const attempts = new Attempts(settings);
  const isHopeless = (error: unknown) =>
    hasCode(error, unreachableCodes) && !hasAnswered() && attempts.made >= attemptsAtUnknownHost;
  for (;;) {
    let response: HttpResponse;
    try {
      response = await send();
    } catch (error) {
      if (isTransient(error) && !isHopeless(error) && (await attempts.another())) continue;
      throw error;
    }
    if (!isBusy(response.status) || !(await attempts.another(response))) return response;
    await discardBody(response);
  }
}

/** `Retry-After`: seconds or a date. Undefined if it is missing or neither. RFC 9110, 10.2.3. */
export function retryAfterMs(response: HttpResponse, nowMs: number): number | undefined {
  const value = headerOf(response, 'retry-after')?.trim();
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
