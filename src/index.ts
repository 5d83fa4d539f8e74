/** gsc as a library: images in, graminized, signed and checked images out. Exported as `gsc`; the command line is one user of it. */

export type { CheckResult } from './attest/checklist.ts';
export type { Digest } from './base/digest.ts';
export { type ErrorCode, type ErrorDetails, GscError } from './base/error.ts';
export type { HostEnvironment } from './base/host-environment.ts';
export { type ByteString, type ImagePath, imagePath } from './base/image-path.ts';
export type { PlaceIndex } from './base/place-index.ts';
export type { Work, WorkKind, WorkPart, WorkPlan } from './base/progress.ts';
export type { Field, RecordLayout } from './base/record.ts';
export type { Reporter } from './base/reporter.ts';
export type { ProgramResult, RunOptions, RunProgram } from './base/run-program.ts';
export type { Configuration, Setting } from './config/configuration.ts';
export { readConfiguration } from './config/read-configuration.ts';
export type { LibraryDataKind, LibraryDataPlaces } from './elf/library-data.ts';
export type { CpuFeatureName, CpuFeaturePolicy, CpuFeatures } from './enclave/cpu-features.ts';
export type { EnclaveLayout } from './enclave/enclave-layout.ts';
export type { EnclaveManifest } from './enclave/enclave-manifest.ts';
export type { BaseRule, EnclaveRules } from './enclave/enclave-rules.ts';
export type { EnclaveSettings } from './enclave/enclave-settings.ts';
export type { GramineEnclave } from './enclave/gramine-enclave.ts';
export type { Area, AreaContent, AreaKind } from './enclave/memory-area.ts';
export type { AttachedEvidence } from './evidence/attached-evidence.ts';
export type { BuildEvidence, StatementClaims } from './evidence/evidence-bundle.ts';
export type { EvidenceKey } from './evidence/evidence-key.ts';
export type { AttestedStart } from './graminize/attested-start.ts';
export type { BuildChoices, GraminizeOptions } from './graminize/build-options.ts';
export type { LibcChoice, LibcDecision, LibcWish } from './graminize/choose-libc.ts';
export type { ComposedManifest, SourcedOverride } from './graminize/compose-manifest.ts';
export { type DraftManifest, type DraftOptions, draftManifest } from './graminize/draft-manifest.ts';
export { type Graminized, graminize } from './graminize/graminize.ts';
export type { LibraryDataMount } from './graminize/graminize-context.ts';
export type { LibraryDataRole } from './graminize/library-data-role.ts';
export type { GivenProfile, ProfileBasis } from './graminize/profiled-selection.ts';
export type { RaTlsChoice, RaTlsPlace, RaTlsProgram } from './graminize/ra-tls.ts';
export type { SecretBrokers, SecretProvisioning } from './graminize/secret-provisioning.ts';
export type { StartCost, StartCosts } from './graminize/start-costs.ts';
export type { UndecidedPlaces } from './graminize/undecided-places.ts';
export type { Referrer } from './image/artifact.ts';
export type { ImageConfig } from './image/config.ts';
export type { Descriptor, Platform } from './image/descriptor.ts';
export type { ByteStream, Image, Layer } from './image/image.ts';
export type { ImageWriter, LayerKey, StoreResult } from './image/image-writer.ts';
export type { Labels } from './image/labels.ts';
export type { StoredImage } from './image/stored-image.ts';
export {
  type DirectoryCounts,
  type ExplainableImage,
  explainPath,
  type KnownExclusion,
  type LayerPlace,
  type PathExplanation,
  type PathFinding,
  type Verdict,
} from './inspect/explain-path.ts';
export { explainableImage } from './inspect/explainable-image.ts';
export { type ImageInspection, inspectImage } from './inspect/inspect-image.ts';
export type { JsonMember, JsonNode } from './json/parse-json.ts';
export type { Place } from './json/place.ts';
export type { Shape, ValueOf } from './json/shape.ts';
export type { KeyEnvironment } from './key/key-environment.ts';
export type { KeyReference } from './key/key-reference.ts';
export type { Pkcs11Uri } from './key/pkcs11-uri.ts';
export type { AddedFile } from './layer/added-layer.ts';
export {
  type Images,
  type ImagesEnvironment,
  openImages,
  type ScanOptions,
  type StoreOptions,
} from './library/images.ts';
export { type OpenRuntimeOptions, openRuntime } from './library/open-runtime.ts';
export { type OpenSignerOptions, openSigner } from './library/open-signer.ts';
export type { CompleteManifest } from './manifest/complete-manifest.ts';
export type { ManifestNames } from './manifest/files/access-decision.ts';
export type { Mount } from './manifest/files/mounts.ts';
export type { InsecureOption } from './manifest/insecure-options.ts';
export type { Override } from './manifest/merge.ts';
export type {
  HostAddress,
  ManifestChoices,
  Secret,
  Variable,
  Volume,
  VolumeUse,
} from './manifest/option-manifest.ts';
export type { Preset, PresetSetting } from './manifest/preset/preset-table.ts';
export type { AppliedPreset } from './manifest/preset/presets.ts';
export type { TomlDocument } from './manifest/toml/toml.ts';
export type { Position } from './manifest/toml/toml-positions.ts';
export type { KeyPath, TomlDate, TomlTable, TomlValue } from './manifest/toml/toml-value.ts';
export type { Selection } from './policy/attest-policy.ts';
export type { ImagePolicy } from './policy/image-policy.ts';
export type { Profile, ProfileEntry } from './profile/profile.ts';
export type { ProvideOptions } from './provision/provide-runtime.ts';
export type { RuntimeBuildChoices } from './provision/runtime-build-spec.ts';
export type { ImageId, ImageName } from './reference/image-name.ts';
export type {
  BareReference,
  ContainersStorageReference,
  DockerArchiveReference,
  DockerDaemonReference,
  ImageReference,
  OciArchiveReference,
  OciLayoutReference,
  RegistryReference,
} from './reference/image-reference.ts';
export type { CLibraryName } from './runtime/package-directory.ts';
export type { EnclaveFiles } from './runtime/places.ts';
export type { BuildType } from './runtime/recipe/recipe.ts';
export type { Runtime, RuntimeFile } from './runtime/runtime.ts';
export type { GramineRelease, GrapheneRelease, RuntimeVersion } from './runtime/version.ts';
export type { ImageScan } from './scan/image-scan.ts';
export type { LayerIndex } from './scan/layer-index.ts';
export type { ContentObserver, ContentWatcher } from './scan/layer-visitor.ts';
export type { LayerIndexStore, ScanImageOptions, ScanProgress } from './scan/scan-options.ts';
export type { AppliedOverride, EnclaveOverrides } from './sign/enclave-overrides.ts';
export { type NamedEnclave, type SignedImage, type SignImageOptions, signImage } from './sign/sign-image.ts';
export type { MeasureOptions } from './sign/unsigned-enclave.ts';
export type { UnsignedImage } from './sign/unsigned-image.ts';
export type { SigstructDescription } from './signature/describe-sigstruct.ts';
export type { EnclavePlan } from './signature/enclave-plan.ts';
export type { MeasuredEnclave, SignedEnclave } from './signature/sign-enclave.ts';
export type { Signer, SigningFacts } from './signature/signer.ts';
export type { Group } from './start/accounts.ts';
export type { ContainerProcess } from './start/container-process.ts';
export type { ContainerUser } from './start/container-user.ts';
export type { Environment } from './start/environment.ts';
export type { Executable } from './start/executable.ts';
export type { LibcKind, LibraryPaths } from './start/library-paths.ts';
export type { ProgramChain } from './start/program-chain.ts';
export type { StartedPrograms } from './start/started-programs.ts';
export type { WorkingDirectory } from './start/working-directory.ts';
export type { RegistryChoices } from './store/connections.ts';
export type { OpenedImage } from './store/opened-image.ts';
export type { RegistryOptions, RetryPolicy, Timeouts } from './store/registry/registry-options.ts';
export type { OpenOptions, StoreChoices } from './store/store-options.ts';
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
export type { ExclusionRule } from './trust/exclusion-rules.ts';
export type { StreamLink, WritePlace, WriteSign } from './trust/likely-written-directories.ts';
export type { TrustLevel } from './trust/trust-level.ts';
export type { Exclusion, ExclusionOrigin } from './trust/trust-policy.ts';
export type { ExclusionCount, TrustedFile, TrustedSelection } from './trust/trusted-files.ts';
export type { LoadedLibc } from './user-manifest/loaded-libc.ts';
export type { CheckGroup, ImageCheck, ImageCheckName, Protection } from './verify/check.ts';
export type { ImageChange, ImageDifference } from './verify/diff-facts.ts';
export { diffImages } from './verify/diff-images.ts';
export type { ExpectedEvidence } from './verify/evidence-checks.ts';
export type { ReadingOptions } from './verify/graminized-image.ts';
export type { FactKind } from './verify/image-facts.ts';
export type { RebuildSource } from './verify/rebuild.ts';
export { type ImageVerdict, type VerifyImageOptions, verifyImage } from './verify/verify-image.ts';
export type { MeasurementStore } from './workspace/scan-cache.ts';
export type { SharedCacheKey } from './workspace/shared-indexes.ts';
export type { SharedCacheChoice } from './workspace/workspace.ts';
