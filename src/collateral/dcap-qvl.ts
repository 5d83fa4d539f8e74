import * as v from 'valibot';
import { strictObjectOf } from '../base/object-schema.ts';
import type { RawCollateral } from './collateral.ts';
import { parseJsonAs } from './signed-json.ts';

const text = v.optional(v.string('expected a string'));

/** Strict: a name that is not known may be a known one that was misspelt, and its part would be missing in silence. */
const members = {
  pck_crl_issuer_chain: text,
  root_ca_crl: text,
  pck_crl: text,
  tcb_info_issuer_chain: text,
  tcb_info: text,
  tcb_info_signature: text,
  qe_identity_issuer_chain: text,
  qe_identity: text,
  qe_identity_signature: text,
  pck_certificate_chain: v.nullish(v.string('expected a string')),
};
const schema = strictObjectOf(members);

/** Whether an object's members are those of dcap-qvl's collateral. */
export function isDcapQvl(names: readonly string[]): boolean {
  return names.some((name) => name in members);
}

/** Reads JSON of dcap-qvl's `QuoteCollateralV3`: texts as they are signed, signatures and lists in hex. Throws a plain Error. */
export function readDcapQvl(json: string): RawCollateral {
  const fields = parseJsonAs(json, schema);
  return {
    tcbInfo: fields.tcb_info,
    tcbInfoSignature: fields.tcb_info_signature,
    tcbInfoIssuerChain: fields.tcb_info_issuer_chain,
    qeIdentity: fields.qe_identity,
    qeIdentitySignature: fields.qe_identity_signature,
    qeIdentityIssuerChain: fields.qe_identity_issuer_chain,
    rootCaCrl: fields.root_ca_crl,
    pckCrls: fields.pck_crl ? [{ crl: fields.pck_crl, issuerChain: fields.pck_crl_issuer_chain }] : [],
    pckCertificateChain: fields.pck_certificate_chain ?? undefined,
  };
}
