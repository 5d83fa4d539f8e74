import type { CollateralQuery } from '../collateral/fetch-collateral.ts';
import { intelNames } from '../collateral/intel-names.ts';
import { readPlatformTcb } from '../quote/pck-extension.ts';
import { parseQuote, quoteError } from '../quote/quote.ts';
import { type Certificate, commonNameOf } from '../x509/certificate.ts';
import { pckCertificates } from './certificate-checks.ts';

/** Which collateral a quote needs. Throws a `quote` error if it names no platform. */
export function collateralQueryOf(
  quote: Uint8Array,
  given: readonly Certificate[] | undefined,
  subject: string,
): CollateralQuery {
  const parsed = parseQuote(quote, subject);
  try {
    const pool = pckCertificates(parsed, undefined, given);
    const leaf = pool.find((certificate) => commonNameOf(certificate.subject).includes(intelNames.pck));
    if (leaf === undefined) throw new Error(`no certificate in the chain is named "${intelNames.pck}"`);
    const isPlatform = /Platform CA/.test(commonNameOf(leaf.issuer));
    return {
      fmspc: readPlatformTcb(leaf).fmspc.toString('hex').toUpperCase(),
      cas: [isPlatform ? 'platform' : 'processor'],
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw quoteError(
      subject,
      `its platform is not known: ${reason}`,
      'give its collateral with --collateral',
    );
  }
}
