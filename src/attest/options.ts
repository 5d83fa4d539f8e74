import type { AttestPolicy } from '../policy/attest-policy.ts';
import type { Certificate } from '../x509/certificate.ts';

/** Which enclave is expected: all that is given has to fit. Hashes in hex. */
export interface ExpectedIdentity {
  readonly mrEnclave?: string | undefined;
  readonly mrSigner?: string | undefined;
  readonly isvProdId?: number | undefined;
  /** The least version that is accepted. */
  readonly isvSvn?: number | undefined;
}

export interface VerifyOptions {
  /** The time at which everything has to be valid. */
  readonly at: Date;
  /** At least one of the two hashes, or nothing is accepted. */
  readonly expected?: ExpectedIdentity;
  /** Accepts an enclave of any identity, where none is expected. */
  readonly isAnyIdentityAccepted?: boolean;
  /** The report data: up to 64 bytes, the rest being zero. */
  readonly reportData?: Uint8Array;
  /** What the verifier sent to the enclave: the claim of an RA-TLS certificate, or the beginning of a bare quote's report data. */
  readonly nonce?: Uint8Array;
  /** Default: `defaultAttestPolicy`. */
  readonly policy?: AttestPolicy;
  /** In place of Intel's root: for tests, and for other authorities. Every check that depends on it says so. */
  readonly rootCa?: Certificate;
  /** For quotes without a PCK chain: the certificates, in any order. */
  readonly pckCertificates?: readonly Certificate[];
}
