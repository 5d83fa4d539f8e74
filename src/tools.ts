/** What Gramine's own tools do, on bytes: `gramine-sgx-sign`, `gramine-manifest-check` and the like; and what goes with them: keys, signing in steps, profiles. Exported as `gsc/tools`. */

export type { Digest } from './base/digest.ts';
export type { HostEnvironment } from './base/host-environment.ts';
export type { ByteString, ImagePath } from './base/image-path.ts';
export type { PlaceIndex } from './base/place-index.ts';
export type { Work, WorkKind, WorkPart, WorkPlan } from './base/progress.ts';
export type { Field, RecordLayout } from './base/record.ts';
export type { Reporter } from './base/reporter.ts';
export type { LibraryDataKind, LibraryDataPlaces } from './elf/library-data.ts';
export type { CpuFeatureName, CpuFeaturePolicy, CpuFeatures } from './enclave/cpu-features.ts';
export type { EnclaveLayout } from './enclave/enclave-layout.ts';
export type { EnclaveManifest } from './enclave/enclave-manifest.ts';
export type { BaseRule, EnclaveRules } from './enclave/enclave-rules.ts';
export type { EnclaveSettings } from './enclave/enclave-settings.ts';
export type { GramineEnclave } from './enclave/gramine-enclave.ts';
export type { Area, AreaContent, AreaKind } from './enclave/memory-area.ts';
export type { AttestedStart } from './graminize/attested-start.ts';
export type { LibcChoice, LibcDecision } from './graminize/choose-libc.ts';
export type { ComposedManifest, SourcedOverride } from './graminize/compose-manifest.ts';
export type { Graminized } from './graminize/graminize.ts';
export type { LibraryDataMount } from './graminize/graminize-context.ts';
export type { ProfileBasis } from './graminize/profiled-selection.ts';
export type { RaTlsChoice, RaTlsPlace, RaTlsProgram } from './graminize/ra-tls.ts';
export type { SecretProvisioning } from './graminize/secret-provisioning.ts';
export type { StartCost, StartCosts } from './graminize/start-costs.ts';
export type { UndecidedPlaces } from './graminize/undecided-places.ts';
export type { ImageConfig } from './image/config.ts';
export type { Descriptor, Platform } from './image/descriptor.ts';
export type { ByteStream, Image, Layer } from './image/image.ts';
export type { JsonMember, JsonNode } from './json/parse-json.ts';
export type { Place } from './json/place.ts';
export type { Shape, ValueOf } from './json/shape.ts';
export { detachedSigner } from './key/detached-signer.ts';
export { type GenerateOptions, generatePrivateKey } from './key/generate-private-key.ts';
export { generateTokenKey } from './key/generate-token-key.ts';
export type { KeyEnvironment } from './key/key-environment.ts';
export { type KeyReference, parseKeyReference } from './key/key-reference.ts';
export { type ListedKey, type ListedToken, listTokenKeys } from './key/list-token-keys.ts';
export { type PemSignerOptions, pemSigner } from './key/pem-signer.ts';
export { type Pkcs11Uri, parsePkcs11Uri } from './key/pkcs11-uri.ts';
export { type SigningAnswer, writeSigningAnswer } from './key/signing-exchange.ts';
export type { TokenFacts } from './key/token.ts';
export type { AddedFile } from './layer/added-layer.ts';
export { type OpenSignerOptions, openSigner } from './library/open-signer.ts';
export type { CompleteManifest } from './manifest/complete-manifest.ts';
export type { ManifestNames } from './manifest/files/access-decision.ts';
export { chrootFiles } from './manifest/files/chroot-files.ts';
export { type FileAccess, type FoundFile, hostFiles, type ListedFile } from './manifest/files/file-access.ts';
export type { Mount } from './manifest/files/mounts.ts';
export type { InsecureOption } from './manifest/insecure-options.ts';
export type { Override } from './manifest/merge.ts';
export { type Migration, migrateManifest } from './manifest/migrate/migrate.ts';
export type { MigrationChange, MigrationPurpose } from './manifest/migrate/migration-draft.ts';
export { gramineForm, parseManifest } from './manifest/parse-manifest.ts';
export { type PreparedManifest, type PrepareOptions, prepareManifest } from './manifest/prepare.ts';
export type { Preset, PresetSetting } from './manifest/preset/preset-table.ts';
export { type AppliedPreset, presetNames } from './manifest/preset/presets.ts';
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
export { isArray, isTable, showPath, type TomlDocument, valueAt } from './manifest/toml/toml.ts';
export type { Position } from './manifest/toml/toml-positions.ts';
export type { KeyPath, TomlDate, TomlTable, TomlValue } from './manifest/toml/toml-value.ts';
export { readUserManifest, type UserManifest } from './manifest/user-manifest.ts';
export { mergeProfiles, type Profile, type ProfileEntry } from './profile/profile.ts';
export { parseProfile, writeProfile } from './profile/profile-text.ts';
export type { CLibraryName } from './runtime/package-directory.ts';
export type { EnclaveFiles } from './runtime/places.ts';
export type { RuntimeFile } from './runtime/runtime.ts';
export {
  type GramineRelease,
  type GrapheneRelease,
  parseRuntimeVersion,
  type RuntimeVersion,
  showVersion,
} from './runtime/version.ts';
export type { ImageScan } from './scan/image-scan.ts';
export type { LayerIndex } from './scan/layer-index.ts';
export { type AppliedOverride, type EnclaveOverrides, overrideManifest } from './sign/enclave-overrides.ts';
export {
  type PreparedMessageSignature,
  type PreparedSignature,
  type PrepareSignatureOptions,
  prepareSignature,
  type SignPreparedOptions,
  signPrepared,
} from './sign/prepare-signature.ts';
export type { MeasureOptions } from './sign/unsigned-enclave.ts';
export type { UnsignedImage } from './sign/unsigned-image.ts';
export {
  describeSignedBytes,
  describeSigstruct,
  type SigstructDescription,
} from './signature/describe-sigstruct.ts';
export type { EnclavePlan } from './signature/enclave-plan.ts';
export { mrSignerOfPem } from './signature/public-key.ts';
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
export type { Group } from './start/accounts.ts';
export type { ContainerProcess } from './start/container-process.ts';
export type { ContainerUser } from './start/container-user.ts';
export type { Environment } from './start/environment.ts';
export type { Executable } from './start/executable.ts';
export type { LibcKind, LibraryPaths } from './start/library-paths.ts';
export type { ProgramChain } from './start/program-chain.ts';
export type { StartedPrograms } from './start/started-programs.ts';
export type { WorkingDirectory } from './start/working-directory.ts';
export { type OpenedName, readTrace, type Trace } from './trace/opened-names.ts';
export type { FileFacts, LayerEntry, Ownership, ProgramFacts } from './tree/entry.ts';
export type {
  DirectoryNode,
  FileNode,
  FileTree,
  SpecialNode,
  SymlinkNode,
  TreeNode,
} from './tree/file-tree.ts';
export type { ApplicationData, DataSign } from './trust/application-data.ts';
export type { ExcludedFile, IgnoredLink, TrustedName } from './trust/classify-paths.ts';
export type { DirectoryMount } from './trust/directory-links.ts';
export type { StreamLink, WritePlace, WriteSign } from './trust/likely-written-directories.ts';
export type { TrustLevel } from './trust/trust-level.ts';
export type { ExclusionOrigin } from './trust/trust-policy.ts';
export type { ExclusionCount, TrustedFile, TrustedSelection } from './trust/trusted-files.ts';
export type { LoadedLibc } from './user-manifest/loaded-libc.ts';
export type { MeasurementStore } from './workspace/scan-cache.ts';
