import { GscError } from '../../base/error.ts';

/** What TLS to a remote Engine needs. Each is a PEM text. */
export interface EngineTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** False: any certificate will do. */
  readonly isVerified: boolean;
}

/** Where an Engine listens, and who says so: a variable, a Docker context, or none (`the usual place`). */
export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string; readonly origin: string }
  | {
      readonly kind: 'tcp';
      /** `host:port`, an IPv6 host in brackets. */
      readonly host: string;
      readonly tls?: EngineTls;
      readonly origin: string;
    };

/** Who may answer at an address. */
export type EngineKind = 'docker' | 'podman';

/** What will probably answer at an address, as long as nothing has. */
export function guessKind(address: EngineAddress): EngineKind {
  const isPodmans = address.kind === 'unix' && /podman/.test(address.path);
  return isPodmans || address.origin === 'CONTAINER_HOST' ? 'podman' : 'docker';
}

/** True if a variable or a context of Docker's names the address, whoever answers there. */
export function isConfiguredForDocker({ origin }: EngineAddress): boolean {
  return /^docker/i.test(origin);
}

/** Docker's ports without and with TLS. docker/cli, opts/hosts.go. */
const defaultPort = { plain: 2375, tls: 2376 };

/** Docker's socket. docker/cli, opts/hosts.go. */
export const dockerSocket = '/var/run/docker.sock';

/** The address as `DOCKER_HOST` writes it. */
export function showAddress(address: EngineAddress): string {
  return address.kind === 'unix' ? `unix://${address.path}` : `tcp://${address.host}`;
}

/**
 * Reads an address as `DOCKER_HOST`, `CONTAINER_HOST` and Docker's contexts have it; `origin` names which of them.
 * Throws a `config` error for ssh and for what is not an address.
 */
export function parseAddress(text: string, origin: string, tls?: EngineTls): EngineAddress {
  const scheme = /^([a-z]+):\/\//.exec(text)?.[1] ?? 'none';
  const rest = text.slice(scheme.length + '://'.length);
  switch (scheme) {
    case 'unix':
      return { kind: 'unix', path: rest === '' ? dockerSocket : absolute(rest, text, origin), origin };
    case 'tcp':
    case 'http':
    case 'https':
      return parseTcp(rest, { text, origin, ...withTls(scheme, tls) });
    case 'ssh':
      throw badAddress(
        origin,
        `an Engine over ssh (${text}) is not supported`,
        sshHint(text, origin.includes('CONTAINER') ? 'CONTAINER_HOST' : 'DOCKER_HOST'),
      );
    default:
      throw badAddress(
        origin,
        `expected unix://PATH or tcp://HOST:PORT, got ${text}`,
        'correct it, or unset it to use the Engine of this machine',
      );
  }
}

function withTls(scheme: string, tls: EngineTls | undefined): { readonly tls?: EngineTls } {
  if (tls) return { tls };
  return scheme === 'https' ? { tls: { isVerified: true } } : {};
}

function absolute(path: string, text: string, origin: string): string {
  if (path.startsWith('/')) return path;
  throw badAddress(
    origin,
    `expected an absolute path of a socket, got ${text}`,
    `write unix:///${path.replace(/^[./]+/, '')}`,
  );
}

function parseTcp(
  rest: string,
  about: { readonly text: string; readonly origin: string; readonly tls?: EngineTls },
): EngineAddress {
  const { text, origin, tls } = about;
  const place = rest.replace(/\/+$/, '');
  const [, host, port] = /^([A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/.exec(place) ?? [];
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65535) {
    throw badAddress(origin, `expected tcp://HOST:PORT, got ${text}`, 'correct the host and the port');
  }
  const usedPort = port ?? String(tls ? defaultPort.tls : defaultPort.plain);
  return { kind: 'tcp', host: `${host || 'localhost'}:${usedPort}`, origin, ...(tls && { tls }) };
}

function sshHint(text: string, variable: string): string {
  const target = /^ssh:\/\/([^/]+)/.exec(text)?.[1] ?? 'USER@HOST';
  const path = /^ssh:\/\/[^/]+(\/.+)$/.exec(text)?.[1] ?? dockerSocket;
  const [host, port] = target.split(/:(?=\d+$)/);
  const portOption = port === undefined ? '' : `-p ${port} `;
  return `forward the socket: ssh -nNT ${portOption}-L /tmp/engine.sock:${path} ${host} and set ${variable}=unix:///tmp/engine.sock`;
}

function badAddress(subject: string, message: string, hint: string): GscError {
  return new GscError({ code: 'config', subject, message, hint });
}
