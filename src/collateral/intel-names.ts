/** Phrases in the common names of Intel's certificates ("SGX PCK Certificate and CRL Profile"; Intel's QVL looks for the same). */
export const intelNames = {
  root: 'SGX Root CA',
  pck: 'SGX PCK Certificate',
  tcbSigning: 'SGX TCB Signing',
  pckCa: /SGX PCK (?:Processor|Platform) CA/,
} as const;
