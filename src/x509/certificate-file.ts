import { type ErrorCode, GscError } from '../base/error.ts';
import { readUserFile } from '../base/read-file.ts';
import { type Certificate, readCertificates } from './certificate.ts';

/** How messages call a file of certificates, and the code of the error if it holds none. */
export interface CertificateFile {
  readonly path: string;
  readonly subject: string;
  readonly what: string;
  readonly code: ErrorCode;
}

/**
 * Reads a file that the user named: certificates in PEM, or one in DER. Throws what reading a file throws, and an error with the
 * given code for one without certificates.
 */
export async function readCertificateFile({
  path,
  subject,
  what,
  code,
}: CertificateFile): Promise<readonly [Certificate, ...Certificate[]]> {
  const [first, ...others] = certificatesIn(await readUserFile(path, what));
  if (first !== undefined) return [first, ...others];
  throw new GscError({
    code,
    subject,
    message: `not a certificate: expected the ${what} in PEM or DER`,
    hint: 'give certificates in PEM, or one in DER',
  });
}

/** None for anything else: what OpenSSL says about it helps nobody. */
function certificatesIn(bytes: Buffer): readonly Certificate[] {
  try {
    return readCertificates(bytes);
  } catch {
    return [];
  }
}
