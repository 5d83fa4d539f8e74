import { GscError, systemErrorCodes } from '../../base/error.ts';
import type { RequestSubject } from './registry-error.ts';
import { OversizedBodyError, ProxiedError } from './transport.ts';

/** How the certificate checks of Node and OpenSSL fail. */
const certificateProblems: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an authority that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an authority that is not trusted here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

const connectionProblems: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  ECONNREFUSED: ['nothing listens there', 'check host and port, and that the registry runs'],
  ENOTFOUND: ['there is no such host', 'check the spelling of the host, and the network'],
  EAI_AGAIN: ['the name service does not answer', 'check the network'],
  ENETUNREACH: ['there is no route to it', 'check the network'],
  EHOSTUNREACH: ['there is no route to it', 'check the network'],
  ECONNRESET: ['the connection broke', 'try again'],
  EPIPE: ['the connection broke', 'try again'],
  UND_ERR_SOCKET: ['the connection broke', 'try again'],
  UND_ERR_CONNECT_TIMEOUT: [
    'no connection in time',
    'check the network and its proxies (HTTPS_PROXY, NO_PROXY)',
  ],
  ETIMEDOUT: ['no connection in time', 'check the network and its proxies (HTTPS_PROXY, NO_PROXY)'],
  UND_ERR_HEADERS_TIMEOUT: ['no answer in time', 'try again later'],
  UND_ERR_BODY_TIMEOUT: ['the answer stalled', 'try again later'],
};

/** No connection was made. */
const connectCodes: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'ETIMEDOUT',
];

/** The error for a request that got no answer. A {@link GscError} passes through; an abort becomes `aborted`. */
export function networkFailure(
  question: RequestSubject,
  error: unknown,
  signal: AbortSignal | undefined,
): GscError {
  if (signal?.aborted) return abortedError(question, error);
  if (error instanceof GscError) return error;
  const [message, hint] = explain(question, error);
  return new GscError({
    code: 'registry',
    subject: question.subject,
    message: `cannot ${question.purpose}: ${message}`,
    hint,
    cause: error,
    isPassing: isPassing(error),
  });
}

/** Certificates, proxies that refuse and answers that are too large stay as they are; all else is the network. */
function isPassing(error: unknown): boolean {
  if (error instanceof ProxiedError) return isPassing(error.cause);
  const proxyStatus = proxyStatusOf(error);
  if (proxyStatus !== undefined) return Number(proxyStatus) >= 500;
  if (error instanceof OversizedBodyError) return false;
  return (
    !isNotTls(error) && !systemErrorCodes(error).some((code) => Object.hasOwn(certificateProblems, code))
  );
}

function proxyStatusOf(error: unknown): string | undefined {
  return /Proxy response \((\d+)\)/.exec(error instanceof Error ? error.message : '')?.[1];
}

/** True if the other side answered TLS with something else: it speaks plain http. */
export function isNotTls(error: unknown): boolean {
  const codes = systemErrorCodes(error);
  const talksPlain = ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'EPROTO'];
  return codes.some((code) => talksPlain.includes(code));
}

/** True if the other side hung up, as some servers of plain http do when they get TLS. */
export function isHungUp(error: unknown): boolean {
  return systemErrorCodes(error).some((code) => ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(code));
}

/** True if nothing listens at the address. */
export function isRefused(error: unknown): boolean {
  return systemErrorCodes(error).includes('ECONNREFUSED');
}

function explain(question: RequestSubject, error: unknown): readonly [message: string, hint: string] {
  if (error instanceof ProxiedError) return explainProxied(question, error);
  const { domain } = question;
  const codes = systemErrorCodes(error);
  for (const code of codes) {
    const certificate = certificateProblems[code];
    if (certificate !== undefined) return [`${certificate} (${code})`, certificateHint(domain, code)];
    const connection = connectionProblems[code];
    if (connection) return connection;
  }
  if (isNotTls(error)) {
    return ['it does not speak TLS', `if it is meant to speak http: --insecure-registry ${domain}`];
  }
  if (error instanceof OversizedBodyError)
    return [`the answer is too large: ${error.message}`, 'this is not an image'];
  const proxyStatus = proxyStatusOf(error);
  if (proxyStatus !== undefined) {
    return [`the proxy refused with status ${proxyStatus}`, 'check HTTPS_PROXY, its password and NO_PROXY'];
  }
  return [
    codes[0] ?? (error instanceof Error ? error.message : String(error)),
    'check the network and try again',
  ];
}

/** Only the proxy was connected to; of what comes after that, either may be the reason. */
function explainProxied(
  question: RequestSubject,
  { proxy, cause }: ProxiedError,
): readonly [message: string, hint: string] {
  const [message, hint] = explain(question, cause);
  if (systemErrorCodes(cause).some((code) => connectCodes.includes(code))) {
    const except = `or except ${question.domain} from it with NO_PROXY`;
    return [`the proxy ${proxy} cannot be used: ${message}`, `check HTTPS_PROXY and HTTP_PROXY, ${except}`];
  }
  return [`${message} (through the proxy ${proxy})`, hint];
}

function certificateHint(domain: string, code: string): string {
  if (code.startsWith('CERT_')) return `renew the certificate of ${domain}, or check this machine's clock`;
  if (code.startsWith('ERR_TLS')) return 'use the name that the certificate has';
  return `give its authority with --ca-file FILE, or put it into /etc/docker/certs.d/${domain}/ca.crt`;
}

/** The codes of an error, of its causes, and of the parts of an AggregateError (one per address tried). */
function abortedError(question: RequestSubject, cause: unknown): GscError {
  return new GscError({
    code: 'aborted',
    subject: question.subject,
    message: `stopped before it could ${question.purpose}`,
    cause,
  });
}
