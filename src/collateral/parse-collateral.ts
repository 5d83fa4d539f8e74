import { type Certificate, parseCertificates } from '../x509/certificate.ts';
import { parseCrl } from '../x509/crl.ts';
import { memoized, verifyRaw } from '../x509/signature.ts';
import type { Collateral, RawCollateral, Signed } from './collateral.ts';
import { type Part, parsePart } from './part.ts';
import { parseQeIdentity } from './qe-identity.ts';
import { parseTcbInfo } from './tcb-info.ts';

/** Reads every part. Throws nothing: what cannot be read is a damaged part. */
export function parseCollateral(raw: RawCollateral): Collateral {
  const certificates: Certificate[] = [];
  const parseChain = (text: string) => {
    const chain = parseCertificates(text, certificates);
    certificates.push(...chain);
    return chain;
  };
  return {
    raw,
    certificates,
    tcbInfo: parseSigned(raw.tcbInfo, raw.tcbInfoSignature, parseTcbInfo),
    tcbInfoIssuerChain: parsePart(raw.tcbInfoIssuerChain, parseChain),
    qeIdentity: parseSigned(raw.qeIdentity, raw.qeIdentitySignature, parseQeIdentity),
    qeIdentityIssuerChain: parsePart(raw.qeIdentityIssuerChain, parseChain),
    rootCaCrl: parsePart(raw.rootCaCrl, readCrl),
    pckCrls: raw.pckCrls.map(({ crl, issuerChain }) => ({
      crl: parsePart(crl, readCrl),
      issuerChain: parsePart(issuerChain, parseChain),
    })),
    pckCertificateChain: parsePart(raw.pckCertificateChain, parseChain),
  };
}

function parseSigned<T>(
  text: string | undefined,
  signature: string | undefined,
  parse: (text: string) => T,
): Part<Signed<T>> {
  return parsePart(text, (present) => {
    if (!/^(?:[0-9a-f]{128}|[0-9A-F]{128})$/.test(signature ?? '')) {
      throw new Error('expected a signature of 64 bytes in hex');
    }
    const bytes = Buffer.from(present, 'utf8');
    const raw = Buffer.from(signature as string, 'hex');
    return {
      value: parse(present),
      isSignedBy: memoized(({ publicKey }: Certificate) => verifyRaw(bytes, publicKey, raw)),
    };
  });
}

function readCrl(raw: string | Uint8Array) {
  return parseCrl(typeof raw === 'string' ? Buffer.from(raw, 'latin1') : raw);
}
