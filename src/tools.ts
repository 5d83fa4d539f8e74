/** What Gramine's own tools do, on bytes: `gramine-sgx-sign`, `gramine-manifest-check` and the like. Exported as `gsc/tools`. */

export type { HostEnvironment } from './base/host-environment.ts';
export type { Work, WorkKind, WorkPart, WorkPlan } from './base/progress.ts';
export type { Reporter } from './base/reporter.ts';
export type {
  CpuFeatureName,
  CpuFeaturePolicy,
  CpuFeatures,
  cpuFeatureNames,
} from './enclave/cpu-features.ts';
export type { EnclaveSettings } from './enclave/enclave-settings.ts';
export { type GenerateOptions, generatePrivateKey } from './key/generate-private-key.ts';
export type { KeyEnvironment } from './key/key-environment.ts';
export type { KeyReference } from './key/key-reference.ts';
export { type PemSignerOptions, pemSigner } from './key/pem-signer.ts';
export type { Pkcs11Uri } from './key/pkcs11-uri.ts';
export { type OpenSignerOptions, openSigner } from './library/open-signer.ts';
export { chrootFiles } from './manifest/files/chroot-files.ts';
export { type FileAccess, type FoundFile, hostFiles, type ListedFile } from './manifest/files/file-access.ts';
export { type Migration, migrateManifest } from './manifest/migrate/migrate.ts';
export type { MigrationChange, MigrationPurpose } from './manifest/migrate/migration-draft.ts';
export { gramineForm, parseManifest } from './manifest/parse-manifest.ts';
export { type PreparedManifest, type PrepareOptions, prepareManifest } from './manifest/prepare.ts';
export { findTemplateTexts } from './manifest/schema/build-rules.ts';
export { checkManifest, isCompleteManifest, type ManifestRole } from './manifest/schema/check.ts';
export type { DefaultsOptions } from './manifest/schema/defaults.ts';
export {
  type Finding,
  locateFindings,
  type ManifestProblem,
  showProblem,
} from './manifest/schema/problem.ts';
export { checkRuntimeRules } from './manifest/schema/runtime-rules.ts';
export { type SerializeOptions, serializeManifest } from './manifest/toml/serialize.ts';
export {
  isArray,
  isTable,
  showPath,
  type TomlDocument,
  valueAt,
} from './manifest/toml/toml.ts';
export type { Position } from './manifest/toml/toml-positions.ts';
export type { KeyPath, TomlDate, TomlTable, TomlValue } from './manifest/toml/toml-value.ts';
export { readUserManifest, type UserManifest } from './manifest/user-manifest.ts';
export {
  type GramineRelease,
  type GrapheneRelease,
  type gramineReleases,
  type grapheneReleases,
  parseRuntimeVersion,
  type RuntimeVersion,
  showVersion,
} from './runtime/version.ts';
export { type AppliedOverride, type EnclaveOverrides, overrideManifest } from './sign/enclave-overrides.ts';
export { describeSigstruct, type SigstructDescription } from './signature/describe-sigstruct.ts';
export {
  type EnclaveSource,
  type MeasuredEnclave,
  measureGramineEnclave as measure,
  type SignedEnclave,
  signEnclave,
} from './signature/sign-enclave.ts';
export {
  type CompletedManifest,
  completeForSigner,
  type ManifestToComplete,
  type ManifestToSign,
  type SignedManifest,
  signManifest,
} from './signature/sign-manifest.ts';
export type { Signer, SigningFacts } from './signature/signer.ts';
export type { Sigstruct } from './signature/sigstruct.ts';
export { mrSignerOf, verifySigstruct } from './signature/verify-sigstruct.ts';
