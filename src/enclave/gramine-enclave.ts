import type { RuntimeVersion } from '../runtime/version.ts';
import { parseEnclaveImage, parseExecutable } from './enclave-image.ts';
import { type EnclaveLayout, layOutEnclave } from './enclave-layout.ts';
import type { EnclaveManifest } from './enclave-manifest.ts';
import { type EnclaveRules, enclaveRulesOf } from './enclave-rules.ts';
import { type EnclaveSettings, readEnclaveSettings } from './enclave-settings.ts';
import { readGrapheneSettings } from './graphene-settings.ts';
import { checkLoaderLimits } from './loader-limits.ts';

/** An enclave as it is measured. */
export interface GramineEnclave {
  readonly manifest: EnclaveManifest;
  readonly version: RuntimeVersion;
  readonly settings: EnclaveSettings;
  readonly rules: EnclaveRules;
  readonly layout: EnclaveLayout;
  /** The loader's file that is measured. */
  readonly libpal: Buffer;
}

export interface EnclaveProgram {
  readonly libpal: Buffer;
  /** How messages call `libpal`. */
  readonly subject: string;
  readonly version: RuntimeVersion;
  /** The program itself, which Graphene measured until v1.1; other releases do not look at it. */
  readonly executable?: Buffer;
}

/**
 * Lays out an enclave that Gramine is to start. Throws a `manifest` error for wrong settings and for what the loader refuses,
 * an `elf` error for a wrong libpal, an `enclave` error if the parts do not fit into the enclave's size.
 */
export function layOutGramineEnclave(manifest: EnclaveManifest, program: EnclaveProgram): GramineEnclave {
  checkLoaderLimits(manifest.root, settingsOf(manifest, program.version));
  return layOutAsSigned(manifest, program);
}

/** The settings that the signer of a release reads out of a manifest. Throws a `manifest` error. */
function settingsOf(manifest: EnclaveManifest, version: RuntimeVersion): EnclaveSettings {
  return version.family === 'graphene'
    ? readGrapheneSettings(manifest, version.release)
    : readEnclaveSettings(manifest.root, version);
}

/** The same without the loader's limits, which the signers do not know. */
export function layOutAsSigned(
  manifest: EnclaveManifest,
  { libpal, subject, version, executable }: EnclaveProgram,
): GramineEnclave {
  const settings = settingsOf(manifest, version);
  const rules = enclaveRulesOf(version);
  const layout = layOutEnclave({
    manifest: manifest.bytes,
    libpal: parseEnclaveImage(libpal, subject),
    ...(executable && rules.hasExecutableArea && { executable: parseExecutable(executable, 'executable') }),
    settings,
    rules,
  });
  return { manifest, version, settings, rules, layout, libpal };
}
