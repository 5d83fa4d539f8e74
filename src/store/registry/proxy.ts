import { BlockList, isIP } from 'node:net';
import { GscError } from '../../base/error.ts';
import { isLoopback } from './endpoint.ts';

/** Variables as they stand in the environment. */
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a URL by the rules of Go's `httpproxy`, which Docker, skopeo and podman follow: HTTPS_PROXY or
 * HTTP_PROXY by scheme (small letters win), NO_PROXY with host names, `.suffix`, `*`, addresses, networks and ports;
 * this machine is never asked through a proxy. Undefined: ask directly. Throws a `config` error for what names no proxy.
 */
export function proxyFor(url: URL, environment: Environment): string | undefined {
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const proxy = variable(environment, name);
  if (proxy === undefined || isLoopback(url.host)) return undefined;
  const entries = (variable(environment, 'no_proxy') ?? '')
    .split(',')
    .map((entry) => entry.trim().toLowerCase());
  if (entries.some((entry) => entry !== '' && matchesEntry(url, entry))) return undefined;
  return checked(proxy.includes('://') ? proxy : `http://${proxy}`, name);
}

/** A proxy as messages may show it: without its password. */
export function showProxy(proxy: string): string {
  const { protocol, host } = new URL(proxy);
  return `${protocol}//${host}`;
}

const proxyProtocols: readonly string[] = ['http:', 'https:', 'socks5:'];

function checked(proxy: string, name: string): string {
  const protocol = URL.canParse(proxy) ? new URL(proxy).protocol : undefined;
  if (protocol !== undefined && proxyProtocols.includes(protocol)) return proxy;
  throw new GscError({
    code: 'config',
    subject: name.toUpperCase(),
    // Not what was got: there may be a password in it.
    message: `expected the URL of a proxy, ${proxyProtocols.map((known) => `${known}//`).join(', ')}, got ${
      protocol === undefined ? 'something else' : `${protocol}//`
    }`,
    hint: 'write it as http://[USER:PASSWORD@]HOST:PORT, or unset it',
  });
}

function variable(environment: Environment, name: string): string | undefined {
  return environment[name] || environment[name.toUpperCase()] || undefined;
}

function matchesEntry(url: URL, entry: string): boolean {
  if (entry === '*') return true;
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (entry.includes('/')) return isInNetwork(host, entry);
  const { name, port } = splitPort(entry);
  if (port !== undefined && port !== portOf(url)) return false;
  if (isIP(name) !== 0) return host === name;
  const suffix = name.replace(/^\*?\./, '');
  const isOnlyBelow = suffix !== name;
  return host.endsWith(`.${suffix}`) || (host === suffix && !isOnlyBelow);
}

function portOf(url: URL): string {
  return url.port || (url.protocol === 'https:' ? '443' : '80');
}

function splitPort(entry: string): { readonly name: string; readonly port: string | undefined } {
  const match = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(entry);
  if (match === null) return { name: entry, port: undefined };
  return { name: (match[1] ?? '').replace(/^\[(.*)\]$/, '$1'), port: match[2] };
}

function isInNetwork(host: string, network: string): boolean {
  const [address = '', bits = ''] = network.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const kind = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(address, Number(bits), kind);
  return list.check(host, kind);
}
