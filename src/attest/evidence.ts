import { join } from 'node:path';
import type { FileContent } from '../base/atomic-file.ts';
import { GscError } from '../base/error.ts';
import { readUserFile } from '../base/read-file.ts';
import { parseRaTlsCertificate } from '../quote/ra-tls.ts';

/** What should be attested: a bare quote, or a certificate with one, in a file or just shown by a server. */
export type Evidence =
  | { readonly kind: 'quote'; readonly bytes: Buffer; readonly source: string }
  | {
      readonly kind: 'certificate';
      readonly bytes: Buffer;
      readonly source: string;
      readonly protocol?: string;
    };

/** The names of evidence in a directory that `--save` wrote. */
const savedNames = { quote: 'quote.bin', certificate: 'certificate.der' } as const;

/** Reads the evidence in a directory that `--save` wrote. Throws a `not-found` error if there is none. */
export async function readSavedEvidence(directory: string): Promise<Evidence> {
  for (const kind of ['certificate', 'quote'] as const) {
    const source = join(directory, savedNames[kind]);
    try {
      return { kind, bytes: await readUserFile(source, kind), source };
    } catch (error) {
      if (!(error instanceof GscError) || error.code !== 'not-found') throw error;
    }
  }
  throw new GscError({
    code: 'not-found',
    subject: directory,
    message: `there is neither ${savedNames.certificate} nor ${savedNames.quote}`,
    hint: 'name a directory that gsc attest --save wrote',
  });
}

/** The quote in the evidence. Throws a `quote` error for a certificate that holds none. */
export function quoteIn(evidence: Evidence): Buffer {
  if (evidence.kind === 'quote') return evidence.bytes;
  return parseRaTlsCertificate(evidence.bytes, evidence.source).evidence.quote;
}

/** The file of the evidence in a directory that `--save` writes. */
export function evidenceFile({ kind, bytes }: Evidence): FileContent {
  return { path: savedNames[kind], bytes };
}
