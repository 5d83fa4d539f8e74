/** gsc as a library: images in, graminized and signed images out. The command line is one user of it. */
export type { Digest } from './base/digest.ts';
export { type ErrorCode, type ErrorDetails, errorCodes, GscError } from './base/error.ts';
export type { HostEnvironment } from './base/host-environment.ts';
export { type ByteString, type ImagePath, imagePath } from './base/image-path.ts';
export type { Reporter } from './base/reporter.ts';
export type { ProgramResult, RunOptions, RunProgram } from './base/run-program.ts';
export type { Configuration, Setting } from './config/configuration.ts';
export { readConfiguration } from './config/read-configuration.ts';
export type { LibraryDataKind, LibraryDataPlaces, libraryDataKinds } from './elf/library-data.ts';
export type {
  CpuFeatureName,
  CpuFeaturePolicy,
  CpuFeatures,
  cpuFeatureNames,
} from './enclave/cpu-features.ts';
export type { EnclaveSettings } from './enclave/enclave-settings.ts';
export type { BuildChoices } from './graminize/build-options.ts';
export type { LibcDecision, LibcWish } from './graminize/choose-libc.ts';
export type { ComposedManifest, SourcedOverride } from './graminize/compose-manifest.ts';
export type { LibcChoice } from './graminize/generated-manifest.ts';
export type { Graminized, GraminizeOptions as GraminizeParts } from './graminize/graminize.ts';
export type { LibraryDataMount } from './graminize/library-data-mounts.ts';
export type { LibraryDataRole } from './graminize/library-data-role.ts';
export type { StartCost, StartCosts } from './graminize/start-costs.ts';
export type { UndecidedPlaces } from './graminize/undecided-places.ts';
export type { ImageConfig } from './image/config.ts';
export type { Descriptor, Platform } from './image/descriptor.ts';
export type { ByteStream, Image, Layer } from './image/image.ts';
export type { ImageWriter, LayerKey, StoreResult } from './image/image-writer.ts';
export { type GraminizedState, type Labels, labels, stateOf } from './image/labels.ts';
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
export { explainableBuild, explainableImage } from './inspect/explainable-image.ts';
export { type ImageInspection, inspectImage } from './inspect/inspect-image.ts';
export type { JsonMember, JsonNode } from './json/parse-json.ts';
export type { Place } from './json/place.ts';
export type { Shape, ValueOf } from './json/shape.ts';
export type { AddedFile } from './layer/added-layer.ts';
export { type GraminizeOptions, graminize } from './library/graminize.ts';
export {
  type Images,
  type ImagesEnvironment,
  openImages,
  type ScanOptions,
  type StoreOptions,
} from './library/images.ts';
export { type OpenRuntimeOptions, openRuntime } from './library/open-runtime.ts';
export type { ManifestNames } from './manifest/files/access-decision.ts';
export type { Mount } from './manifest/files/reachable-files.ts';
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
export { type AppliedPreset, presetNames } from './manifest/preset/presets.ts';
export { parseToml as parseManifest, showPath, type TomlDocument, valueAt } from './manifest/toml/toml.ts';
export type { Position } from './manifest/toml/toml-positions.ts';
export type { KeyPath, TomlDate, TomlTable, TomlValue } from './manifest/toml/toml-value.ts';
export type { ProvideOptions } from './provision/provide-runtime.ts';
export type { RuntimeBuildChoices } from './provision/runtime-build-spec.ts';
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
export type { CLibraryName, cLibraryNames } from './runtime/package-directory.ts';
export type { BuildType, buildTypes } from './runtime/recipe/recipe.ts';
export type { Runtime, RuntimeFile } from './runtime/runtime.ts';
export {
  type GramineRelease,
  type gramineReleases,
  parseRuntimeVersion,
  type RuntimeVersion,
} from './runtime/version.ts';
export type { LayerIndex } from './scan/layer-index.ts';
export type { ImageScan } from './scan/scan-image.ts';
export { type SignedImage, type SignImageOptions, signImage } from './sign/sign-image.ts';
export type { SigstructDescription } from './signature/describe-sigstruct.ts';
export { type PemSignerOptions, pemSigner } from './signature/pem-signer.ts';
export type { MeasuredEnclave, SignedEnclave } from './signature/sign-enclave.ts';
export type { Signer } from './signature/signer.ts';
export type { Group } from './start/accounts.ts';
export type { ContainerProcess } from './start/container-process.ts';
export type { ContainerUser } from './start/container-user.ts';
export type { Environment } from './start/environment.ts';
export type { Executable } from './start/executable.ts';
export type { LibcKind, LibraryPaths } from './start/library-paths.ts';
export type { ProgramChain } from './start/program-chain.ts';
export type { WorkingDirectory } from './start/working-directory.ts';
export type { RegistryChoices } from './store/connections.ts';
export { defaultDestination, fullNameOf, type OpenedImage, type StoreChoices } from './store/image-store.ts';
export type { RegistryOptions, RetryPolicy, Timeouts } from './store/registry/registry-options.ts';
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
export type { StreamLink, WritePlace, WriteSign, writeSigns } from './trust/likely-written-directories.ts';
export { type TrustLevel, trustLevels } from './trust/trust-level.ts';
export type { Exclusion, ExclusionOrigin } from './trust/trust-policy.ts';
export type { ExclusionCount, TrustedFile, TrustedSelection } from './trust/trusted-files.ts';
export type { LoadedLibc } from './user-manifest/loaded-libc.ts';
