import { STATUS_CODES } from 'node:http';
import { type ErrorCode, type ErrorDetails, GscError } from '../../base/error.ts';
import { oneLine } from '../../base/printable-text.ts';
import { readJson } from '../../json/read-json.ts';
import { listOf, object, required, text } from '../../json/shape.ts';
import { isBusy, retryAfterMs } from './retry.ts';
import { type HttpResponse, readBody } from './transport.ts';

/** What a request was about, for messages. */
export interface RequestSubject {
  /** Registry host as in references. */
  readonly domain: string;
  /** `HOST/REPOSITORY`, or the host alone. */
  readonly subject: string;
  /** What was attempted: `read the manifest of tag 3.12`. */
  readonly purpose: string;
}

/** What messages may say about how a request was authenticated. */
export interface LoginFacts {
  /** Where the credentials came from, if there were any. */
  readonly source: string | undefined;
  /** Takes every known secret out of a text. */
  redact(text: string): string;
}

/** One entry of the `errors` array of distribution-spec, "Error Codes". */
interface ReportedError {
  readonly code: string;
  readonly message: string;
}

/** An explanation fits well in this; the rest of an answer is markup. */
const maximalExplanationBytes = 64 * 1024;

const errorsShape = object({ errors: required(listOf(object({ code: text, message: text }))) });

const missingCodes: readonly string[] = ['MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'BLOB_UNKNOWN'];

/** An answer that is a refusal, with the codes that the registry gave as its reasons. */
export class RegistryRefusal extends GscError {
  readonly reported: readonly string[];

  constructor(details: ErrorDetails, reported: readonly string[]) {
    super(details);
    this.reported = reported;
  }
}

/** The error for an answer that is a refusal: names the status and what the registry itself said. Reads the body. */
export async function refusal(
  question: RequestSubject,
  response: HttpResponse,
  login: LoginFacts,
  nowMs: number,
): Promise<RegistryRefusal> {
  const reported = await reportedErrors(response);
  const codes = reported.map(({ code }) => code);
  const said = reported.map(({ code, message }) => (message ? `${code}: ${message}` : code)).join('; ');
  const status = `${response.status} ${STATUS_CODES[response.status] ?? ''}`.trim();
  const from = response.url.host === question.domain ? '' : ` (from ${response.url.host})`;
  const message = `cannot ${question.purpose}: status ${status}${from}${said === '' ? '' : ` (${said})`}`;
  const details = {
    code: codeFor(response.status, codes),
    subject: question.subject,
    message: login.redact(message),
    hint: hintFor(question, response, codes, login, nowMs),
    isPassing: response.status >= 500 || isBusy(response.status) || codes.includes('TOOMANYREQUESTS'),
  };
  return new RegistryRefusal(details, codes);
}

/** What the registry says about itself, made fit for a terminal; empty if it says nothing in the protocol's form. */
async function reportedErrors(response: HttpResponse): Promise<readonly ReportedError[]> {
  // Broken, oversized or foreign explanations leave the status, which the message has anyway.
  const body = await readBody(response, maximalExplanationBytes).then(String, () => '');
  const errors = readJson(body, errorsShape).value?.errors ?? [];
  return errors.slice(0, 3).map(({ code, message }) => ({
    code: oneLine(code ?? 'no code'),
    message: oneLine(message ?? ''),
  }));
}

function codeFor(status: number, codes: readonly string[]): ErrorCode {
  return status === 404 || codes.some((code) => missingCodes.includes(code)) ? 'not-found' : 'registry';
}

function hintFor(
  { domain, subject }: RequestSubject,
  response: HttpResponse,
  codes: readonly string[],
  { source }: LoginFacts,
  nowMs: number,
): string {
  const { status } = response;
  const has = (code: string) => codes.includes(code);
  if (status === 429 || has('TOOMANYREQUESTS')) {
    const pauseMs = retryAfterMs(response, nowMs);
    const pause = pauseMs === undefined ? 'later' : `in ${Math.ceil(pauseMs / 1000)} seconds`;
    return source === undefined
      ? `try again ${pause}, or log in for a higher limit: docker login ${domain}`
      : `try again ${pause}`;
  }
  if (status === 401 || has('UNAUTHORIZED')) {
    return source === undefined
      ? `log in first (docker login ${domain}), and check the name: private and missing repositories look alike`
      : `the credentials from ${source} were not accepted: docker login ${domain}`;
  }
  if (status === 403 || has('DENIED')) {
    return source === undefined
      ? `log in first: docker login ${domain}`
      : `the account in ${source} lacks permission for this in ${subject}: request it, or log in as another user`;
  }
  if (status === 404) return `check the name; this lists the tags: skopeo list-tags docker://${subject}`;
  if (status === 413) return 'raise the limit of the proxy in front of the registry';
  if (status >= 500) return 'the registry itself has a problem: try again later, or see its log';
  return `check that ${domain} is an image registry (OCI distribution protocol)`;
}
