import { join, resolve } from 'node:path';
import { GscError } from '../base/error.ts';
import type { HostEnvironment } from '../base/host-environment.ts';
import type { Reporter } from '../base/reporter.ts';
import type { RawCollateral } from '../collateral/collateral.ts';
import { fetchCollateral, intelPcs, isUrl } from '../collateral/fetch-collateral.ts';
import { readCollateral } from '../collateral/read-collateral.ts';
import { serviceGetter } from '../collateral/service-getter.ts';
import type { Certificate } from '../x509/certificate.ts';
import { collateralQueryOf } from './collateral-query.ts';
import { type Evidence, quoteIn } from './evidence.ts';

/** The word that stands for no collateral at all. */
const none = 'none';

export interface CollateralSource {
  /** A file, a directory, the address of a service, or `none`. */
  readonly collateral?: string;
  readonly saved?: string;
  readonly caFile?: readonly string[];
}

/**
 * The collateral that the command line names; without one that of a saved verdict, else Intel's own. Undefined for `none`, and where Intel's
 * service is the only source and does not answer, which a warning says: the verdict lists what was not checked.
 */
export async function findCollateral(
  { host, reporter }: { readonly host: HostEnvironment; readonly reporter: Reporter },
  options: CollateralSource,
  {
    evidence,
    pckCertificates,
  }: { readonly evidence: Evidence; readonly pckCertificates?: readonly Certificate[] },
): Promise<RawCollateral | undefined> {
  const { collateral, saved, caFile = [] } = options;
  if (collateral === none) return undefined;
  if (collateral !== undefined && !isUrl(collateral)) {
    return readCollateral(resolve(host.workingDirectory, collateral));
  }
  if (collateral === undefined && saved !== undefined) {
    return readCollateral(join(resolve(host.workingDirectory, saved), 'collateral'));
  }
  try {
    const query = collateralQueryOf(quoteIn(evidence), pckCertificates, evidence.source);
    const service = collateral ?? intelPcs;
    const getter = await serviceGetter(host, caFile);
    const work = reporter.begin({ kind: 'ask', verb: 'asking', subject: `${service} for collateral` });
    return await fetchCollateral(service, query, getter).finally(() => work.end());
  } catch (error) {
    const isDefault = collateral === undefined && error instanceof GscError && error.code === 'collateral';
    const isUnreadable = error instanceof GscError && error.code === 'quote';
    if (!isDefault && !isUnreadable) throw error;
    reporter.warn(`no collateral: ${error.message}`);
    return undefined;
  }
}
