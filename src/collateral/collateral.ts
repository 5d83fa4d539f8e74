import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import type { Part } from './part.ts';
import type { QeIdentity } from './qe-identity.ts';
import type { TcbInfo } from './tcb-info.ts';

/** A list of revoked PCK certificates, as text or bytes, and the chain of its issuer. */
export interface RawPckCrl {
  readonly crl: string | Uint8Array;
  readonly issuerChain?: string | undefined;
}

/** Collateral as it was handed out; parts that were not are left out. Chains are PEM, signatures hex, lists DER, PEM or hex. */
export interface RawCollateral {
  /** The exact text that is signed. */
  readonly tcbInfo?: string | undefined;
  readonly tcbInfoSignature?: string | undefined;
  readonly tcbInfoIssuerChain?: string | undefined;
  /** The exact text that is signed. */
  readonly qeIdentity?: string | undefined;
  readonly qeIdentitySignature?: string | undefined;
  readonly qeIdentityIssuerChain?: string | undefined;
  readonly rootCaCrl?: string | Uint8Array | undefined;
  /** Of one authority, or of both: processor and platform. */
  readonly pckCrls: readonly RawPckCrl[];
  /** For quotes that hold no chain themselves. */
  readonly pckCertificateChain?: string | undefined;
}

/** The value of a signed text. */
export interface Signed<T> {
  readonly value: T;
  /** Whether this certificate's key signed the text; computed once for each. */
  isSignedBy(signer: Certificate): boolean;
}

/** A list of revoked PCK certificates and the chain of its issuer. */
export interface PckCrl {
  readonly crl: Part<Crl>;
  readonly issuerChain: Part<readonly Certificate[]>;
}

/** Collateral, read and not yet verified. */
export interface Collateral {
  readonly raw: RawCollateral;
  /** Those of all chains: quotes often hold the same ones. */
  readonly certificates: readonly Certificate[];
  readonly tcbInfo: Part<Signed<TcbInfo>>;
  readonly tcbInfoIssuerChain: Part<readonly Certificate[]>;
  readonly qeIdentity: Part<Signed<QeIdentity>>;
  readonly qeIdentityIssuerChain: Part<readonly Certificate[]>;
  readonly rootCaCrl: Part<Crl>;
  readonly pckCrls: readonly PckCrl[];
  readonly pckCertificateChain: Part<readonly Certificate[]>;
}
