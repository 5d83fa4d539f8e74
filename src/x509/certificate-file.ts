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
 * Reads a file that the user named: certificates in PEM, with any text between them, or one in DER. Throws what reading a file throws, and an error with the
 * given code for one without certificates.
 */
export async function readCertificateFile({
  path,
  subject,
  what,
  code,
}: CertificateFile): Promise<readonly [Certificate, ...Certificate[]]> {
  const [first, ...others] = certificatesIn(withoutRemarks(await readUserFile(path, what)));
  if (first !== undefined) return [first, ...others];
  throw new GscError({
    code,
    subject,
    message: `not a certificate: expected the ${what} in PEM or DER`,
    hint: 'give certificates in PEM, or one in DER',
  });
}

/**
 * Without what stands between the blocks of a PEM file: names, as in bundles, or what `openssl x509 -text` prints. Binary files stay
 * as they are: evidence holds PEM too.
 */
function withoutRemarks(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  if (/[^\t\r\n\x20-\x7e\x80-\xff]/.test(text)) return bytes;
  const blocks = text.match(/^-----BEGIN ([A-Z ]*)-----\r?$.*?^-----END \1-----\r?$/gms);
  return blocks === null ? bytes : Buffer.from(`${blocks.join('\n')}\n`, 'latin1');
}

/** None for anything else: what OpenSSL says about it helps nobody. */
function certificatesIn(bytes: Buffer): readonly Certificate[] {
  try {
    return readCertificates(bytes);
  } catch {
    return [];
  }
}
