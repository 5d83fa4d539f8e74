import type { CheckName } from './check-names.ts';

const fetchAgain = 'fetch the collateral again; if that does not help, use another service';
const newQuote =
  'take the quote again; if that does not help, install the current SGX packages (aesmd) on its host';

/** What can be done about a check that failed; those that explain themselves (status, advisories, debug) are left out. */
export const remedies: Partial<Readonly<Record<CheckName, string>>> = {
  'certificate-format':
    'connect to the server itself: a proxy in front of it may present its own certificate, not the one that gramine-ratls made',
  'certificate-signature': 'get the certificate from the server again: it was changed in transit',
  'certificate-validity': 'restart the service, so that it makes a new certificate, and check the time',
  'key-binding': 'do not use this server: its quote vouches for the key of another one',
  'quote-format': 'take the quote again, as a whole',
  'pck-chain':
    'check the time and the root; let the host register again, so that it gets a new PCK certificate',
  'root-ca-crl': fetchAgain,
  'pck-crl': `${fetchAgain}; do not trust a revoked platform: move the service to another one`,
  'tcb-info-signature': fetchAgain,
  'tcb-info': 'fetch the collateral for the FMSPC of this quote',
  'qe-report-signature': newQuote,
  'qe-report-data': newQuote,
  'qe-identity-signature': fetchAgain,
  'qe-identity': "install Intel's current quoting enclave (libsgx-ae-qe3) on the host",
  'quote-signature': 'take the quote again: it was changed after it was made, or is not a quote',
  'tcb-level': 'update BIOS and microcode of the host, and fetch the collateral again',
  'collateral-dates': 'fetch the collateral again, name another time, or allow days of grace in the policy',
  'tcb-evaluation-data-number': 'fetch newer collateral',
  fmspc: 'run the service on a platform that the policy accepts, or add this one to the policy',
  'platform-instance': 'run the service on a platform that the policy accepts, or add this one to the policy',
  'expected-identity': 'name the image, an MRENCLAVE, or an MRSIGNER with product and version',
  'mr-enclave': 'deploy the image that you checked: gsc info-image shows its MRENCLAVE',
  'mr-signer': 'deploy an image signed with the expected key',
  'isv-prod-id': 'deploy an image of the expected product',
  'isv-svn': 'deploy an image of a newer version',
  'report-data': 'ask for a quote over the data that you expect: this may be an old one',
  nonce: 'ask for evidence over the nonce that you sent: this may be an old one',
};
