import { dockerHub } from '../../../reference/docker-hub.ts';
import type { BuildSupplies } from './build-session.ts';

/** Docker's name for its registry in this header. */

/**
 * The header with logins by registry: JSON in base64url with its padding. No logins, no header. Docker Engine API,
 * ImageBuild.
 */
export async function registryConfig({
  registries,
  loginFor,
}: Pick<BuildSupplies, 'loginFor'> & { readonly registries: readonly string[] }): Promise<
  Readonly<Record<string, string>>
> {
  const logins: Record<string, unknown> = {};
  for (const registry of registries) {
    const login = await loginFor(registry);
    if (login) logins[registry === dockerHub.domain ? dockerHub.loginServer : registry] = login;
  }
  if (Object.keys(logins).length === 0) return {};
  const value = Buffer.from(JSON.stringify(logins)).toString('base64');
  return { 'x-registry-config': value.replaceAll('+', '-').replaceAll('/', '_') };
}
