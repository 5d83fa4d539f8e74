import type { FileContent } from '../base/atomic-file.ts';
import type { RawCollateral } from './collateral.ts';
import { writePcsResponse } from './pcs-response.ts';

/** The files of saved collateral, for other programs too; `readCollateral` of their directory gives the same values. */
export function collateralFiles(raw: RawCollateral): readonly FileContent[] {
  const signed = (
    name: string,
    member: 'tcbInfo' | 'enclaveIdentity',
    text: string | undefined,
    signature: string | undefined,
  ) => [{ path: `${name}.json`, bytes: text ? writePcsResponse(member, text, signature ?? '') : '' }];
  const files: readonly FileContent[] = [
    ...signed('tcb_info', 'tcbInfo', raw.tcbInfo, raw.tcbInfoSignature),
    { path: 'tcb_info_issuer_chain.pem', bytes: raw.tcbInfoIssuerChain ?? '' },
    ...signed('qe_identity', 'enclaveIdentity', raw.qeIdentity, raw.qeIdentitySignature),
    { path: 'qe_identity_issuer_chain.pem', bytes: raw.qeIdentityIssuerChain ?? '' },
    { path: 'root_ca_crl', bytes: raw.rootCaCrl ?? '' },
    ...raw.pckCrls.flatMap(({ crl, issuerChain }, index) => [
      { path: `pck_crl_${index + 1}`, bytes: crl },
      { path: `pck_crl_${index + 1}_issuer_chain.pem`, bytes: issuerChain ?? '' },
    ]),
    { path: 'pck_certificate_chain.pem', bytes: raw.pckCertificateChain ?? '' },
  ];
  return files.filter(({ bytes }) => bytes.length > 0);
}
