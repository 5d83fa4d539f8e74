import { type Certificate, certificateDetails, commonNameOf } from '../x509/certificate.ts';
import { parseCrl } from '../x509/crl.ts';
import { encodePem } from '../x509/pem.ts';
import type { RawCollateral, RawPckCrl } from './collateral.ts';
import { intelNames } from './intel-names.ts';

/** Fills the chains that collateral lacks with certificates that were next to it: each by the name of whom it is about. */
export function withLooseCertificates(raw: RawCollateral, loose: readonly Certificate[]): RawCollateral {
  if (loose.length === 0) return raw;
  const text = loose.map(({ der }) => encodePem(der, 'CERTIFICATE')).join('');
  const names = loose.map(({ subject }) => commonNameOf(subject));
  const signing = names.some((name) => name.includes(intelNames.tcbSigning)) ? text : undefined;
  const pck = names.some((name) => name.includes(intelNames.pck)) ? text : undefined;
  return {
    ...raw,
    tcbInfoIssuerChain: raw.tcbInfoIssuerChain || signing,
    qeIdentityIssuerChain: raw.qeIdentityIssuerChain || signing,
    pckCertificateChain: raw.pckCertificateChain || pck,
    pckCrls: raw.pckCrls.map((list) => (list.issuerChain ? list : withIssuerChain(list, loose))),
  };
}

/** The issuer's certificate and what could lead from it to a root, if the issuer is there. */
function withIssuerChain(list: RawPckCrl, loose: readonly Certificate[]): RawPckCrl {
  const issuerDer = issuerOf(list.crl);
  const authorities = loose.filter(({ isCa }) => isCa);
  const isThere = authorities.some((each) => issuerDer?.equals(certificateDetails(each).subjectDer));
  if (!isThere) return list;
  return { ...list, issuerChain: authorities.map(({ der }) => encodePem(der, 'CERTIFICATE')).join('') };
}

/** Undefined for a list that cannot be read: the check of it will say so. */
function issuerOf(crl: string | Uint8Array): Buffer | undefined {
  try {
    return parseCrl(typeof crl === 'string' ? Buffer.from(crl, 'latin1') : crl).issuerDer;
  } catch {
    return undefined;
  }
}
