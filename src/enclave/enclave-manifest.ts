import type { CompleteManifest } from '../manifest/complete-manifest.ts';

/** The manifest of an enclave: its keys in Gramine's form, and its bytes beside the enclave. */
export type EnclaveManifest = Pick<CompleteManifest, 'root' | 'bytes'>;
