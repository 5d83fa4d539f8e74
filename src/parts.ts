/** For faces over the library, as the command line is one: labels, names of results, orders and words of reports. Exported as `gsc/parts`. */

export type { CheckResult } from './attest/checklist.ts';
export type { Digest } from './base/digest.ts';
export { type ErrorCode, type ErrorDetails, errorCodes, type GscError } from './base/error.ts';
export type { ByteString, ImagePath } from './base/image-path.ts';
export type { PlaceIndex } from './base/place-index.ts';
export type { Field, RecordLayout } from './base/record.ts';
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
export { checkIsAppImage, type Graminized } from './graminize/graminize.ts';
export type { LibraryDataMount } from './graminize/graminize-context.ts';
export type { ProfileBasis } from './graminize/profiled-selection.ts';
export type { RaTlsChoice, RaTlsPlace, RaTlsProgram } from './graminize/ra-tls.ts';
export type { SecretProvisioning } from './graminize/secret-provisioning.ts';
export type { StartCost, StartCosts } from './graminize/start-costs.ts';
export type { UndecidedPlaces } from './graminize/undecided-places.ts';
export type { ImageConfig } from './image/config.ts';
export type { Descriptor, Platform } from './image/descriptor.ts';
export type { ByteStream, Image, Layer } from './image/image.ts';
export type { ImageWriter, LayerKey, StoreResult } from './image/image-writer.ts';
export { type GraminizedState, type Labels, labels, patchesOf, stateOf } from './image/labels.ts';
export type { StoredImage } from './image/stored-image.ts';
export {
  type ContainerNeeds,
  checkIsGraminized,
  containerNeeds,
  type DataPlace,
  type SecretFile,
} from './inspect/container-needs.ts';
export type { ExplainableImage, KnownExclusion } from './inspect/explain-path.ts';
export { explainableBuild } from './inspect/explainable-image.ts';
export type { JsonMember, JsonNode } from './json/parse-json.ts';
export type { Place } from './json/place.ts';
export type { Shape, ValueOf } from './json/shape.ts';
export type { AddedFile } from './layer/added-layer.ts';
export { checkTakesEvidence } from './library/evidence.ts';
export type { Images, ScanOptions, StoreOptions } from './library/images.ts';
export { readSharedCacheKey } from './library/shared-cache-key.ts';
export type { CompleteManifest } from './manifest/complete-manifest.ts';
export type { ManifestNames } from './manifest/files/access-decision.ts';
export type { Mount } from './manifest/files/mounts.ts';
export type { InsecureOption } from './manifest/insecure-options.ts';
export type { Override } from './manifest/merge.ts';
export type { Preset, PresetSetting } from './manifest/preset/preset-table.ts';
export type { AppliedPreset } from './manifest/preset/presets.ts';
export type { KeyPath, TomlDate, TomlTable, TomlValue } from './manifest/toml/toml-value.ts';
export type { ImageId, ImageName } from './reference/image-name.ts';
export {
  type BareReference,
  type ContainersStorageReference,
  type DockerArchiveReference,
  type DockerDaemonReference,
  type ImageReference,
  type OciArchiveReference,
  type OciLayoutReference,
  parseReference,
  type RegistryReference,
  showReference,
} from './reference/image-reference.ts';
export { signedName, signedNameOfUnsigned, unsignedName } from './reference/output-name.ts';
export type { HostDevice, HostNeeds } from './runtime/launch-order.ts';
export type { CLibraryName } from './runtime/package-directory.ts';
export { showRuntimeVersion } from './runtime/patch-marks.ts';
export type { EnclaveFiles } from './runtime/places.ts';
export type { RuntimeFile } from './runtime/runtime.ts';
export {
  familyName,
  type GramineRelease,
  type GrapheneRelease,
  labelledVersion,
  type RuntimeVersion,
} from './runtime/version.ts';
export type { ImageScan } from './scan/image-scan.ts';
export type { LayerIndex } from './scan/layer-index.ts';
export type { AppliedOverride, EnclaveOverrides } from './sign/enclave-overrides.ts';
export {
  type MeasuredImage,
  type MeasureOptions,
  measureImage,
  type NamedMeasurement,
} from './sign/unsigned-enclave.ts';
export type { UnsignedImage } from './sign/unsigned-image.ts';
export type { EnclavePlan } from './signature/enclave-plan.ts';
export type { MeasuredEnclave } from './signature/sign-enclave.ts';
export type { Group } from './start/accounts.ts';
export type { ContainerProcess } from './start/container-process.ts';
export type { ContainerUser } from './start/container-user.ts';
export type { Environment } from './start/environment.ts';
export type { Executable } from './start/executable.ts';
export type { LibcKind, LibraryPaths } from './start/library-paths.ts';
export type { ProgramChain } from './start/program-chain.ts';
export type { StartedPrograms } from './start/started-programs.ts';
export type { WorkingDirectory } from './start/working-directory.ts';
export { defaultDestination, fullNameOf, type OpenedImage } from './store/opened-image.ts';
export type { OpenOptions } from './store/store-options.ts';
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
export {
  type StreamLink,
  showWriteSign,
  type WritePlace,
  type WriteSign,
} from './trust/likely-written-directories.ts';
export { type TrustLevel, trustLevels } from './trust/trust-level.ts';
export type { Exclusion, ExclusionOrigin } from './trust/trust-policy.ts';
export type { ExclusionCount, TrustedFile, TrustedSelection } from './trust/trusted-files.ts';
export type { LoadedLibc } from './user-manifest/loaded-libc.ts';
export {
  type CheckGroup,
  checkGroups,
  type ImageCheck,
  type ImageCheckName,
  type Protection,
} from './verify/check.ts';
export { type ImageChange, type ImageDifference, isSame, showChange } from './verify/diff-facts.ts';
export { directoryGroups, type FileGroup } from './verify/file-groups.ts';
export { type FactKind, factKinds } from './verify/image-facts.ts';
export { damagedImage, type ImageVerdict, isDamage } from './verify/verify-image.ts';
export type { MeasurementStore } from './workspace/scan-cache.ts';
export type { SharedCacheKey } from './workspace/shared-indexes.ts';
