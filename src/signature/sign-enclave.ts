import { measureEnclave } from '../enclave/enclave-measurement.ts';
import type { EnclaveSettings } from '../enclave/enclave-settings.ts';
import { type GramineEnclave, layOutAsSigned } from '../enclave/gramine-enclave.ts';
import { CompleteManifest } from '../manifest/complete-manifest.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { attributesOf } from './attributes.ts';
import { signSigstruct, type UnsignedSigstruct } from './sign-sigstruct.ts';
import type { Signer, SigningFacts } from './signer.ts';
import { encodeDate } from './sigstruct-date.ts';
import { type SigstructRules, sigstructRulesOf } from './sigstruct-rules.ts';
import { mrSignerOf } from './verify-sigstruct.ts';

/** What the measurement of an enclave depends on. */
export interface EnclaveSource {
  /** The bytes of the `.manifest.sgx` file, as they will be next to the enclave. */
  readonly manifestSgx: Buffer;
  readonly libpal: Buffer;
  readonly version: RuntimeVersion;
  /** The program itself, which Graphene measured until v1.1. */
  readonly executable?: Buffer;
}

export interface MeasuredEnclave {
  /** 64 hex digits. */
  readonly mrEnclave: string;
  readonly settings: EnclaveSettings;
}

export interface SignedEnclave extends MeasuredEnclave {
  /** The 1808 bytes of the `.sig` file. */
  readonly sigstruct: Buffer;
  /** 64 hex digits. */
  readonly mrSigner: string;
}

/**
 * Measures an enclave. Throws a `manifest` error for wrong settings, an `elf` error for a wrong libpal, an `enclave`
 * error if the parts do not fit into the enclave's size.
 */
export function measureGramineEnclave(source: EnclaveSource): MeasuredEnclave {
  return measureLaidOut(layOut(source));
}

/**
 * Measures and signs an enclave, as the signer of that version does; same input, same bytes. `date` is
 * `YYYY-MM-DD`. Throws what {@link measureGramineEnclave} throws, a `usage` error for the date, a `key` error for a
 * signer that does not do its work.
 */
export async function signEnclave(
  source: EnclaveSource & { readonly signer: Signer; readonly date: string },
): Promise<SignedEnclave> {
  const { signer, date } = source;
  return signLaidOut(layOut(source), { signer, date });
}

export interface SignLaidOutOptions {
  readonly signer: Signer;
  readonly date: string;
  readonly facts?: SigningFacts;
  /** MRENCLAVE where it is known from an earlier measuring of the same enclave; 64 hex digits. */
  readonly mrEnclave?: string;
}

/** The same for an enclave that is laid out already. */
export async function signLaidOut(
  enclave: GramineEnclave,
  { signer, date, facts, mrEnclave }: SignLaidOutOptions,
): Promise<SignedEnclave> {
  const measured = measureLaidOut(enclave, mrEnclave);
  const unsigned = unsignedSigstructOf(enclave, measured, date);
  const sigstruct = await signSigstruct(unsigned, signer, facts);
  return { ...measured, sigstruct, mrSigner: mrSignerOf(Buffer.from(signer.modulus).reverse()) };
}

function layOut({ manifestSgx, ...program }: EnclaveSource): GramineEnclave {
  const { root } = CompleteManifest.parse(manifestSgx, 'manifest.sgx', program.version);
  return layOutAsSigned({ root, bytes: manifestSgx }, { subject: 'libpal.so', ...program });
}

/** Measures an enclave that is laid out already, unless its MRENCLAVE is known. */
export function measureLaidOut(
  { layout, rules, settings }: GramineEnclave,
  mrEnclave = measureEnclave(layout, rules),
): MeasuredEnclave {
  return { mrEnclave, settings };
}

/** The fields of the SIGSTRUCT of an enclave that was measured. */
export function unsignedSigstructOf(
  { version }: GramineEnclave,
  measured: MeasuredEnclave,
  date: string,
): UnsignedSigstruct {
  return fillSigstruct(measured, date, sigstructRulesOf(version));
}

/** The fields of an enclave's SIGSTRUCT before it is signed. */
export function fillSigstruct(
  { mrEnclave, settings }: MeasuredEnclave,
  date: string,
  rules: SigstructRules,
): UnsignedSigstruct {
  return {
    ...attributesOf(settings, rules),
    date: encodeDate(date, rules.date),
    mrEnclave: Buffer.from(mrEnclave, 'hex'),
    isvProdId: settings.isvProdId,
    isvSvn: settings.isvSvn,
  };
}
