import type { RawCollateral, RawPckCrl } from './collateral.ts';
import { collateralError } from './collateral-error.ts';
import { readPcsResponse } from './pcs-response.ts';

/** Intel's own service, where no other is named ("Intel SGX and TDX Registration and Provisioning Certification Service"). */
export const intelPcs = 'https://api.trustedservices.intel.com/sgx/certification/v4/';

/** Where Intel's root publishes its list; PCCS hands it out itself, under rootcacrl. */
const intelRootCrl = 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der';

/** The two authorities of PCK certificates, as services name them. */
export type PckCa = 'processor' | 'platform';

/** For which platforms collateral is wanted. */
export interface CollateralQuery {
  /** 6 bytes in hex. */
  readonly fmspc: string;
  readonly cas: readonly PckCa[];
}

export interface ServiceResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Asks a service; how, is the caller's business. */
export type GetFromService = (url: URL) => Promise<ServiceResponse>;

/**
 * Fetches collateral from a PCS or PCCS. `service` is its address, with or without `/sgx/certification/v3` or `v4`; without, version 4 is
 * tried, then 3. Nothing that comes is believed: it is for `verifyQuote` to say whether it is genuine. Throws a `collateral`
 * error for an answer that is not what was asked for.
 */
export async function fetchCollateral(
  service: string,
  { fmspc, cas }: CollateralQuery,
  get: GetFromService,
): Promise<RawCollateral> {
  const base = await findBase(new URL(service), fmspc, get);
  const [tcbInfo, qeIdentity, rootCaCrl, ...lists] = await Promise.all([
    ask(new URL(`tcb?fmspc=${fmspc}`, base), get),
    ask(new URL('qe/identity', base), get),
    ask(isIntels(base) ? new URL(intelRootCrl) : new URL('rootcacrl', base), get),
    ...cas.map((ca) => ask(new URL(`pckcrl?ca=${ca}&encoding=der`, base), get)),
  ]);
  const { pckCrls: _none, ...signed } = {
    ...readResponse(tcbInfo, base),
    ...readResponse(qeIdentity, base),
  };
  return {
    ...signed,
    tcbInfoIssuerChain: chainIn(tcbInfo, ['tcb-info-issuer-chain', 'sgx-tcb-info-issuer-chain']),
    qeIdentityIssuerChain: chainIn(qeIdentity, ['sgx-enclave-identity-issuer-chain']),
    rootCaCrl: rootCaCrl.body,
    pckCrls: lists.map(
      (list): RawPckCrl => ({
        crl: list.body,
        issuerChain: chainIn(list, ['sgx-pck-crl-issuer-chain']),
      }),
    ),
  };
}

/** The directory of the service's resources. */
async function findBase(service: URL, fmspc: string, get: GetFromService): Promise<URL> {
  const path = service.pathname.endsWith('/') ? service.pathname : `${service.pathname}/`;
  if (/\/v\d+\/$/.test(path)) return new URL(path, service);
  const [v4, v3] = ['v4', 'v3'].map((version) => new URL(`${path}sgx/certification/${version}/`, service));
  const { status } = await get(new URL(`tcb?fmspc=${fmspc}`, v4));
  return (status === 404 ? v3 : v4) as URL;
}

function isIntels({ hostname }: URL): boolean {
  return hostname === new URL(intelPcs).hostname;
}

async function ask(url: URL, get: GetFromService): Promise<ServiceResponse> {
  const response = await get(url);
  if (response.status === 200 && response.body.length > 0) return response;
  const isUnknown = response.status === 404 || response.status === 400;
  throw collateralError(
    url.href,
    response.status === 200 ? 'the answer is empty' : `the service answered with status ${response.status}`,
    isUnknown ? 'check the address of the service, and that it knows this FMSPC' : 'try again later',
  );
}

function readResponse({ body }: ServiceResponse, base: URL): RawCollateral {
  try {
    return readPcsResponse(body.toString('utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw collateralError(
      base.href,
      `unexpected response: ${reason}`,
      'check that this is a PCS or PCCS',
      error,
    );
  }
}

/** Chains are in headers, percent-encoded; the names differ by version. */
function chainIn({ headers }: ServiceResponse, names: readonly string[]): string | undefined {
  const value = names.map((name) => headers[name]).find((each) => typeof each === 'string');
  if (typeof value !== 'string') return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Whether a text is the address of a service. */
export function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}
