import { join, resolve } from 'node:path';
import { collateralQueryOf } from '../../attest/collateral-query.ts';
import { GscError } from '../../base/error.ts';
import {
  type Certificate,
  fetchCollateral,
  intelPcs,
  type RawCollateral,
  readCollateral,
} from '../../index.ts';
import type { CommandContext } from '../options/command-context.ts';
import { type Evidence, quoteIn } from './attest-evidence.ts';
import { serviceGetter } from './service-request.ts';

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
  context: CommandContext,
  options: CollateralSource,
  {
    evidence,
    pckCertificates,
  }: { readonly evidence: Evidence; readonly pckCertificates?: readonly Certificate[] },
): Promise<RawCollateral | undefined> {
  const { host, console } = context;
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
    console.progress(`asking ${collateral ?? intelPcs} for collateral`);
    return await fetchCollateral(collateral ?? intelPcs, query, await serviceGetter(host, caFile));
  } catch (error) {
    const isDefault = collateral === undefined && error instanceof GscError && error.code === 'collateral';
    const isUnreadable = error instanceof GscError && error.code === 'quote';
    if (!isDefault && !isUnreadable) throw error;
    console.warn(`no collateral: ${error.message}`);
    return undefined;
  }
}

/** Whether a text names a service. */
export function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}
