import { isIPv4, isIPv6 } from 'node:net';
import { dockerHub } from '../../reference/docker-hub.ts';

/** Where a registry's API is. */
export interface Endpoint {
  /** Registry host as in references (`docker.io`, `localhost:5000`). */
  readonly domain: string;
  /** `https://registry-1.docker.io`: no path, no trailing slash. */
  readonly origin: string;
}

/** The host that is asked for images of `domain`. */
export function hostOfDomain(domain: string): string {
  return domain === dockerHub.domain ? dockerHub.apiHost : domain;
}

/** True for this machine: `localhost`, 127.0.0.0/8 and ::1. `host` may have a port. */
export function isLoopback(host: string): boolean {
  const bare = isIPv6(host) ? host : host.replace(/:\d+$/, '');
  const name = bare.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return name === 'localhost' || name === '::1' || (isIPv4(name) && name.startsWith('127.'));
}

/** True if `url` may be requested without TLS: http is for this machine and for hosts that the user named. */
export function mayBePlain(host: string, insecureRegistries: readonly string[]): boolean {
  return isLoopback(host) || isInsecure(host, insecureRegistries);
}

/** True if the user said that `host` need not prove who it is. */
export function isInsecure(host: string, insecureRegistries: readonly string[]): boolean {
  return insecureRegistries.some((entry) => entry.toLowerCase() === host.toLowerCase());
}
