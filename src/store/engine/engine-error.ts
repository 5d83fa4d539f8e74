import { STATUS_CODES } from 'node:http';
import { GscError, systemErrorCodes } from '../../base/error.ts';
import { printableLines } from '../../base/printable-text.ts';
import { readJson } from '../../json/read-json.ts';
import { text as jsonText, object, required } from '../../json/shape.ts';
import { type EngineAddress, type EngineKind, showAddress } from './engine-address.ts';

/** How to do without an Engine. */
export const withoutEngineHint =
  'use gsc without an Engine: docker://NAME for a registry, oci:DIR or docker-archive:FILE for files';

const messageShape = object({ message: required(jsonText) });

/** What messages call an Engine at an address. */
export function engineSubject(address: EngineAddress, kind: EngineKind): string {
  return `${kind === 'podman' ? 'Podman' : 'Docker Engine'} at ${showAddress(address)}`;
}

/** The error for a request that got no answer, or whose transfer broke. `isStarted`: the Engine had answered before. */
export function connectionError(
  address: EngineAddress,
  kind: EngineKind,
  about: { readonly purpose: string; readonly cause: unknown; readonly isStarted: boolean },
): GscError {
  const [message, hint] = explainConnection(address, kind, about);
  const codes = systemErrorCodes(about.cause);
  return new GscError({
    code: 'engine',
    subject: engineSubject(address, kind),
    message: `cannot ${about.purpose}: ${message}`,
    hint,
    cause: about.cause,
    // Permissions and certificates stay as they are.
    isPassing: !isTlsProblem(codes) && !codes.some((code) => ['EACCES', 'EPERM'].includes(code)),
  });
}

/** The error for an answer that says no: names the status and what the Engine itself says, whole. */
export function refusalError(
  subject: string,
  purpose: string,
  answer: { readonly status: number; readonly text: string },
): GscError {
  const said = messageOf(answer.text);
  const status = `status ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`.trim();
  const { detail, hint = '' } = failureError(subject, purpose, said === '' ? status : said);
  return new GscError({ code: 'engine', subject, message: detail, hint, isPassing: answer.status >= 500 });
}

/** The error for something that the Engine tried and could not do; `said` are its own words. */
export function failureError(subject: string, purpose: string, said: string): GscError {
  return new GscError({
    code: 'engine',
    subject,
    message: `cannot ${purpose}: ${printableLines(said)}`,
    hint: hintFor(said),
    isPassing: true,
  });
}

/** The `message` of the Engine's JSON, else the text as it is. */
export function messageOf(text: string): string {
  // Proxies and other programs answer in plain text, which is what the user must see then.
  return (readJson(text, messageShape).value?.message ?? text).trim();
}

/** The codes of an error, of its causes, and of the parts of an AggregateError. */
function explainConnection(
  address: EngineAddress,
  kind: EngineKind,
  { cause, isStarted }: { readonly cause: unknown; readonly isStarted: boolean },
): readonly [message: string, hint: string] {
  const codes = systemErrorCodes(cause);
  const has = (...wanted: readonly string[]) => codes.some((code) => wanted.includes(code));
  if (has('ENOENT')) return ['there is no such socket; the Engine is not running', startHint(address, kind)];
  if (has('ECONNREFUSED'))
    return ['nothing listens there; the Engine is not running', startHint(address, kind)];
  if (has('EACCES', 'EPERM')) {
    return [
      'permission denied on the socket',
      kind === 'podman'
        ? "use your own Podman's service (systemctl --user start podman.socket), or run gsc as root"
        : 'join the group docker (sudo usermod -aG docker USER, then log in again), use a rootless Engine, or run gsc as root',
    ];
  }
  if (has('ENOTFOUND', 'EAI_AGAIN')) return ['the host is not known', `correct ${address.origin}`];
  if (has('UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT')) {
    return ['it does not answer in time', `see its log (journalctl -u ${kind}), restart it, and try again`];
  }
  if (has('UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'))
    return ['it cannot be reached', `correct ${address.origin}, or start the Engine there`];
  const said = codes[0] ?? (cause instanceof Error ? cause.message : String(cause));
  if (isTlsProblem(codes)) return [`TLS fails: ${tlsMessage(cause)}`, tlsHint];
  if (isStarted) {
    return [`the connection broke (${said})`, `see why it ended (journalctl -u ${kind}) and try again`];
  }
  // A server that wants TLS, or another certificate, may just hang up.
  const hint = address.kind === 'tcp' ? tlsHint : `correct ${address.origin}`;
  return [`what listens there does not answer as an Engine (${said})`, hint];
}

function startHint({ origin }: EngineAddress, kind: EngineKind): string {
  const command = kind === 'podman' ? 'systemctl --user start podman.socket' : 'systemctl start docker';
  const correction = /^[A-Z]+_[A-Z]+$/.test(origin) ? `, correct ${origin}` : '';
  return `start it (${command})${correction}, or ${withoutEngineHint}`;
}

const tlsHint = 'check DOCKER_TLS_VERIFY and the ca.pem, cert.pem and key.pem of DOCKER_CERT_PATH';

function isTlsProblem(codes: readonly string[]): boolean {
  return codes.some((code) => /^(?:ERR_TLS|ERR_SSL|CERT_|EPROTO|DEPTH_|SELF_SIGNED|UNABLE_TO)/.test(code));
}

function tlsMessage(cause: unknown): string {
  return cause instanceof Error ? printableLines(cause.message) : String(cause);
}

function hintFor(said: string): string {
  if (/no space left|disk quota exceeded/i.test(said)) {
    return 'free space where the Engine keeps its images, for example with docker system prune';
  }
  if (/permission denied|operation not permitted/i.test(said)) {
    return 'the Engine lacks a permission on its own host: see its log (journalctl -u docker)';
  }
  if (/client version .* is too (?:old|new)|minimum supported API version/i.test(said)) {
    return `use a newer gsc, or ${withoutEngineHint}`;
  }
  if (/HTTP request to an HTTPS server/i.test(said)) return tlsHint;
  return 'see the log of the Engine (journalctl -u docker) for more';
}
