import type { Collateral, PckCrl, Signed } from '../collateral/collateral.ts';
import { intelNames } from '../collateral/intel-names.ts';
import { type Part, partValue } from '../collateral/part.ts';
import { type PlatformTcb, readPlatformTcb } from '../quote/pck-extension.ts';
import { certificationDataTypes, type Quote } from '../quote/quote.ts';
import {
  type Certificate,
  certificateDetails,
  commonNameOf,
  parseCertificates,
} from '../x509/certificate.ts';
import { buildChain, type Chain } from '../x509/chain.ts';
import type { Crl } from '../x509/crl.ts';
import type { VerifyOptions } from './options.ts';
import { isTrustedRoot } from './trusted-root.ts';

/** The PCK certificate of a platform with its chain, and what it says about the platform. */
export interface Pck {
  readonly chain: Chain;
  /** Its issuer: the processor's or the platform's authority. */
  readonly authority: Certificate;
  readonly platform: PlatformTcb;
}

/** The chain of the quote's PCK certificate: leaf, one authority, root. Throws if it does not hold. */
export function verifyPckChain(
  quote: Quote,
  collateral: Collateral | undefined,
  options: VerifyOptions,
): Pck {
  const pool = pckCertificates(quote, collateral, options.pckCertificates);
  const leaf = pool.find(({ subject }) => commonNameOf(subject).includes(intelNames.pck));
  if (leaf === undefined) throw new Error(`no certificate in the chain is named "${intelNames.pck}"`);
  const chain = buildChain(leaf, pool, demands(options, 1));
  const [authority] = chain.intermediates as [Certificate];
  if (!intelNames.pckCa.test(commonNameOf(authority.subject))) {
    throw new Error(
      `expected the PCK Processor or Platform CA as the issuer, got "${commonNameOf(authority.subject)}"`,
    );
  }
  return { chain, authority, platform: readPlatformTcb(leaf) };
}

/** The PCK certificate and its chain: in the quote, given beside it, or in the collateral. Throws if they are nowhere. */
export function pckCertificates(
  { certificationData: { type, bytes } }: Quote,
  collateral: Collateral | undefined,
  given: readonly Certificate[] | undefined,
): readonly Certificate[] {
  const pemChain = 5;
  if (type === pemChain) return parseCertificates(bytes.toString('latin1'), collateral?.certificates);
  if (given !== undefined) return given;
  if (collateral !== undefined && collateral.pckCertificateChain.kind !== 'missing') {
    return partValue(collateral.pckCertificateChain, 'PCK certificate chain');
  }
  const what = certificationDataTypes[type] ?? 'data of an unknown kind';
  throw new Error(
    `the quote holds no PCK certificate chain: its certification data are of type ${type} (${what}), expected type 5`,
  );
}

/** The root's list: genuine, and without the PCK authority. */
export function verifyRootCrl(collateral: Collateral, { chain, authority }: Pck): Crl {
  const crl = partValue(collateral.rootCaCrl, 'CRL of the root');
  if (!crl.isIssuedBy(chain.root)) throw new Error('it is not issued by the root of the PCK chain');
  if (crl.revokedSerials.has(authority.serial)) {
    throw new Error(
      `"${commonNameOf(authority.subject)}" (serial ${authority.serial.toString(16)}) is revoked`,
    );
  }
  return crl;
}

/** The list of the PCK certificate's issuer: genuine, and without the PCK certificate. */
export function verifyPckCrl(collateral: Collateral, pck: Pck, options: VerifyOptions): Crl {
  const { crl, issuerChain } = chooseCrl(collateral.pckCrls, pck);
  if (issuerChain.kind !== 'missing') {
    verifyIssuerChain(partValue(issuerChain, 'issuer chain of the PCK CRL'), pck, options);
  }
  if (!crl.isIssuedBy(pck.authority)) {
    throw new Error(`it is not signed by "${commonNameOf(pck.authority.subject)}"`);
  }
  const { serial } = pck.chain.leaf;
  if (crl.revokedSerials.has(serial))
    throw new Error(`the PCK certificate (serial ${serial.toString(16)}) is revoked`);
  return crl;
}

function chooseCrl(
  lists: readonly PckCrl[],
  pck: Pck,
): { readonly crl: Crl; readonly issuerChain: PckCrl['issuerChain'] } {
  const issuerDer = certificateDetails(pck.chain.leaf).issuerDer;
  const [first] = lists;
  if (first === undefined) throw new Error('the collateral holds no PCK CRL');
  for (const { crl, issuerChain } of lists) {
    if (crl.kind === 'present' && crl.value.issuerDer.equals(issuerDer))
      return { crl: crl.value, issuerChain };
  }
  partValue(first.crl, 'PCK CRL');
  throw new Error(
    `the PCK CRL is from another authority: expected one from "${commonNameOf(pck.authority.subject)}", which issued the PCK certificate`,
  );
}

/** The chain that came with the list leads from the PCK authority, by its key, to the root. */
function verifyIssuerChain(pool: readonly Certificate[], { authority }: Pck, options: VerifyOptions): void {
  const issuer = pool.find(({ publicKey }) => publicKey.equals(authority.publicKey));
  if (issuer === undefined) {
    throw new Error(`its issuer chain does not hold "${commonNameOf(authority.subject)}"`);
  }
  buildChain(issuer, pool, { ...demands(options, 0), isLeafCa: true });
}

/** A signed text of Intel's: by a certificate for TCB signing, directly below the root, that the root's list does not hold. */
export function verifySigned<T>(
  {
    signed,
    issuerChain,
  }: { readonly signed: Part<Signed<T>>; readonly issuerChain: Part<readonly Certificate[]> },
  { what, rootCrl }: { readonly what: string; readonly rootCrl: Crl | undefined },
  options: VerifyOptions,
): T {
  const { value, isSignedBy } = partValue(signed, what);
  const pool = partValue(issuerChain, `issuer chain of the ${what}`);
  const signers = pool.filter(({ subject }) => commonNameOf(subject).includes(intelNames.tcbSigning));
  if (signers.length === 0) {
    throw new Error(`no certificate in its issuer chain is named "${intelNames.tcbSigning}"`);
  }
  const signer = signers.find(isSignedBy);
  if (signer === undefined) {
    throw new Error(`the ${what} is not signed by "${intelNames.tcbSigning}"`);
  }
  buildChain(signer, pool, demands(options, 0));
  if (rootCrl?.revokedSerials.has(signer.serial)) {
    throw new Error(
      `the certificate that signed the ${what} (serial ${signer.serial.toString(16)}) is revoked`,
    );
  }
  return value;
}

function demands({ rootCa, at }: VerifyOptions, intermediateCount: number) {
  return {
    intermediateCount,
    isTrustedRoot: (root: Certificate) => isTrustedRoot(root, rootCa),
    at: at.getTime(),
  };
}
