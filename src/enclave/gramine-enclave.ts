import type { CompleteManifest } from '../manifest/complete-manifest.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { parseEnclaveImage } from './enclave-image.ts';
import { type EnclaveLayout, layOutEnclave } from './enclave-layout.ts';
import { type EnclaveRules, enclaveRulesOf } from './enclave-rules.ts';
import { type EnclaveSettings, readEnclaveSettings } from './enclave-settings.ts';
import { checkLoaderLimits } from './loader-limits.ts';

/** An enclave of Gramine as it is measured. */
export interface GramineEnclave {
  readonly manifest: EnclaveManifest;
  readonly version: RuntimeVersion;
  readonly settings: EnclaveSettings;
  readonly rules: EnclaveRules;
  readonly layout: EnclaveLayout;
  /** The loader's file that is measured. */
  readonly libpal: Buffer;
}

/** The manifest of an enclave: its keys, and its bytes beside the enclave. */
export type EnclaveManifest = Pick<CompleteManifest, 'root' | 'bytes'>;

export interface EnclaveProgram {
  readonly libpal: Buffer;
  /** How messages call `libpal`. */
  readonly subject: string;
  readonly version: RuntimeVersion;
}

/**
 * Lays out an enclave that Gramine is to start. Throws a `manifest` error for wrong settings and for what the loader refuses,
 * an `elf` error for a wrong libpal, an `enclave` error if the parts do not fit into the enclave's size.
 */
export function layOutGramineEnclave(manifest: EnclaveManifest, program: EnclaveProgram): GramineEnclave {
  checkLoaderLimits(manifest.root, program.version);
  return layOutAsSigned(manifest, program);
}

/** The same without the loader's limits, which the signers do not know. */
export function layOutAsSigned(
  manifest: EnclaveManifest,
  { libpal, subject, version }: EnclaveProgram,
): GramineEnclave {
  const settings = readEnclaveSettings(manifest.root, version);
  const rules = enclaveRulesOf(version);
  const image = parseEnclaveImage(libpal, subject);
  const layout = layOutEnclave({ manifest: manifest.bytes, libpal: image, settings, rules });
  return { manifest, version, settings, rules, layout, libpal };
}
