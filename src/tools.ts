/** What Gramine's own tools do, on bytes: `gramine-sgx-sign`, `gramine-manifest-check` and the like. Exported as `gsc/tools`. */

// The types in the signatures above.
export type {
  CpuFeatureName,
  CpuFeaturePolicy,
  CpuFeatures,
  cpuFeatureNames,
} from './enclave/cpu-features.ts';
export type { EnclaveSettings } from './enclave/enclave-settings.ts';
export { chrootFiles } from './manifest/files/chroot-files.ts';
export type { FileAccess, FoundFile, ListedFile } from './manifest/files/file-access.ts';
export { hostFiles } from './manifest/files/file-access.ts';
export type { Migration } from './manifest/migrate/migrate.ts';
export { migrateManifest } from './manifest/migrate/migrate.ts';
export type { MigrationChange, MigrationPurpose } from './manifest/migrate/migration-draft.ts';
export type { PreparedManifest, PrepareOptions } from './manifest/prepare.ts';
export { prepareManifest } from './manifest/prepare.ts';
export { findTemplateTexts } from './manifest/schema/build-rules.ts';
export type { ManifestRole } from './manifest/schema/check.ts';
export { checkManifest, isCompleteManifest } from './manifest/schema/check.ts';
export type { DefaultsOptions } from './manifest/schema/defaults.ts';
export type { Finding, ManifestProblem } from './manifest/schema/problem.ts';
export { locateFindings, showProblem } from './manifest/schema/problem.ts';
export { checkRuntimeRules } from './manifest/schema/runtime-rules.ts';
export type { SerializeOptions } from './manifest/toml/serialize.ts';
export { serializeManifest } from './manifest/toml/serialize.ts';
export type { TomlDocument } from './manifest/toml/toml.ts';
export { isArray, isTable, parseToml as parseManifest, showPath, valueAt } from './manifest/toml/toml.ts';
export type { Position } from './manifest/toml/toml-positions.ts';
export type { KeyPath, TomlDate, TomlTable, TomlValue } from './manifest/toml/toml-value.ts';
export type { UserManifest } from './manifest/user-manifest.ts';
export { readUserManifest } from './manifest/user-manifest.ts';
export type { GramineRelease, gramineReleases, RuntimeVersion } from './runtime/version.ts';
export { parseRuntimeVersion } from './runtime/version.ts';
export type { SigstructDescription } from './signature/describe-sigstruct.ts';
export { describeSigstruct } from './signature/describe-sigstruct.ts';
export { generatePrivateKey } from './signature/generate-private-key.ts';
export type { PemSignerOptions } from './signature/pem-signer.ts';
export { pemSigner } from './signature/pem-signer.ts';
export type { EnclaveSource, MeasuredEnclave, SignedEnclave } from './signature/sign-enclave.ts';
export { measureGramineEnclave as measure, signEnclave } from './signature/sign-enclave.ts';
export type { Signer } from './signature/signer.ts';
export type { Sigstruct } from './signature/sigstruct.ts';
export { mrSignerOf, verifySigstruct } from './signature/verify-sigstruct.ts';
