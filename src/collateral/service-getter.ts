import { resolve } from 'node:path';
import { rootCertificates } from 'node:tls';
import { EnvHttpProxyAgent, request } from 'undici';
import type { HostEnvironment } from '../base/host-environment.ts';
import { readUserFile } from '../base/read-file.ts';
import { collateralError } from './collateral-error.ts';
import type { GetFromService } from './fetch-collateral.ts';

const timeoutMs = 10_000;
/** TCB info has some ten kilobytes, lists of revoked certificates some hundred. */
const mostBytes = 16 << 20;

/** Requests to a service of collateral, through the proxies of the environment; `caFiles` are trusted besides the usual ones. */
export async function serviceGetter(
  {
    environment,
    workingDirectory,
    signal,
  }: Pick<HostEnvironment, 'environment' | 'workingDirectory' | 'signal'>,
  caFiles: readonly string[],
): Promise<GetFromService> {
  const authorities = await Promise.all(
    caFiles.map((file) => readUserFile(resolve(workingDirectory, file), 'certificate authority')),
  );
  const ca = authorities.length === 0 ? {} : { ca: [...rootCertificates, ...authorities.map(String)] };
  const variable = (name: string) => environment[name.toLowerCase()] ?? environment[name] ?? '';
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: variable('HTTP_PROXY'),
    httpsProxy: variable('HTTPS_PROXY'),
    noProxy: variable('NO_PROXY'),
    connect: { ...ca, timeout: timeoutMs },
    requestTls: ca,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: mostBytes,
    keepAliveTimeout: 1,
  });
  return async (url) => {
    try {
      const { statusCode, headers, body } = await request(url, { dispatcher, signal });
      return { status: statusCode, headers, body: Buffer.from(await body.arrayBuffer()) };
    } catch (error) {
      throw collateralError(
        url.origin,
        `the collateral service cannot be reached: ${reasonOf(error)}`,
        'check the address and the network, or give saved collateral with --collateral',
        error,
      );
    }
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error && typeof error.code === 'string' ? `${error.message || error.code}` : error.message;
}
