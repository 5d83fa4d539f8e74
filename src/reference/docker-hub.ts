/**
 * The names of Docker Hub: the domain that familiar names leave out, its former name, the host of its API, and the key under
 * which logins are filed. distribution/reference, normalize.go; docker/cli, config.
 */
export const dockerHub = {
  domain: 'docker.io',
  formerDomain: 'index.docker.io',
  apiHost: 'registry-1.docker.io',
  loginServer: 'https://index.docker.io/v1/',
  /** The folder of official images, which familiar names leave out as well. */
  officialFolder: 'library/',
} as const;
