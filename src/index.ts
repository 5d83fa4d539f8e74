/** gsc as a library: images in, graminized and signed images out. The command line is one user of it. */
export {
  type AttestationDemands,
  attestedAgent,
  attestedConnector,
  checkServerAttestation,
} from './attest/attested-connections.ts';
export type { CheckName } from './attest/check-names.ts';
export type { Check, CheckResult } from './attest/checklist.ts';
export type { ExpectedIdentity, VerifyOptions } from './attest/options.ts';
export type { CollateralWindow, Verdict as AttestationVerdict } from './attest/verdict.ts';
export { verifyQuote } from './attest/verify-quote.ts';
export { verifyRaTlsCertificate } from './attest/verify-ra-tls.ts';
export type { Digest } from './base/digest.ts';
export { type ErrorCode, type ErrorDetails, errorCodes, GscError } from './base/error.ts';
export type { HostEnvironment } from './base/host-environment.ts';
export { type ByteString, type ImagePath, imagePath } from './base/image-path.ts';
export type { PlaceIndex } from './base/place-index.ts';
export type { Work, WorkKind, WorkPart, WorkPlan } from './base/progress.ts';
export type { Field, RecordLayout } from './base/record.ts';
export type { Reporter } from './base/reporter.ts';
export type { ProgramResult, RunOptions, RunProgram } from './base/run-program.ts';
export type { Collateral, PckCrl, RawCollateral, RawPckCrl, Signed } from './collateral/collateral.ts';
export {
  type CollateralQuery,
  fetchCollateral,
  type GetFromService,
  intelPcs,
  type PckCa,
  type ServiceResponse,
} from './collateral/fetch-collateral.ts';
export { parseCollateral } from './collateral/parse-collateral.ts';
export type { Part } from './collateral/part.ts';
export type { QeIdentity, QeLevel } from './collateral/qe-identity.ts';
export { parseCollateralFile, readCollateral } from './collateral/read-collateral.ts';
export type { TcbInfo, TcbLevel } from './collateral/tcb-info.ts';
export { type TcbStatus, tcbStatuses } from './collateral/tcb-status.ts';
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
export {
  type AttachedEvidence,
  type AttestedBuild,
  checkEvidence,
  type EvidenceCheck,
} from './evidence/attached-evidence.ts';
export type { BuildEvidence, StatementClaims } from './evidence/evidence-bundle.ts';
export { type EvidenceKey, readPrivateEvidenceKey, readPublicEvidenceKey } from './evidence/evidence-key.ts';
export type { ResourceDescriptor, Statement } from './evidence/statement.ts';
export type { AttestedStart } from './graminize/attested-start.ts';
export type { BuildChoices, GraminizeOptions } from './graminize/build-options.ts';
export type { LibcChoice, LibcDecision, LibcWish } from './graminize/choose-libc.ts';
export type { ComposedManifest, SourcedOverride } from './graminize/compose-manifest.ts';
export { type DraftManifest, type DraftOptions, draftManifest } from './graminize/draft-manifest.ts';
export { checkIsAppImage, type Graminized, graminize } from './graminize/graminize.ts';
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
export { type GraminizedState, type Labels, labels, patchesOf, stateOf } from './image/labels.ts';
export type { StoredImage } from './image/stored-image.ts';
export {
  type ContainerNeeds,
  checkIsGraminized,
  containerNeeds,
  type DataPlace,
  type SecretFile,
} from './inspect/container-needs.ts';
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
export { detachedSigner } from './key/detached-signer.ts';
export { generateTokenKey } from './key/generate-token-key.ts';
export type { KeyEnvironment } from './key/key-environment.ts';
export { type KeyReference, parseKeyReference } from './key/key-reference.ts';
export { type ListedKey, type ListedToken, listTokenKeys } from './key/list-token-keys.ts';
export { type PemSignerOptions, pemSigner } from './key/pem-signer.ts';
export { type Pkcs11Uri, parsePkcs11Uri } from './key/pkcs11-uri.ts';
export { type SigningAnswer, writeSigningAnswer } from './key/signing-exchange.ts';
export type { TokenFacts } from './key/token.ts';
export type { AddedFile } from './layer/added-layer.ts';
export { attestBuild, checkTakesEvidence, findEvidence } from './library/evidence.ts';
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
export { parseManifest } from './manifest/parse-manifest.ts';
export type { Preset, PresetSetting } from './manifest/preset/preset-table.ts';
export { type AppliedPreset, presetNames } from './manifest/preset/presets.ts';
export { showPath, type TomlDocument, valueAt } from './manifest/toml/toml.ts';
export type { Position } from './manifest/toml/toml-positions.ts';
export type { KeyPath, TomlDate, TomlTable, TomlValue } from './manifest/toml/toml-value.ts';
export { type AttestPolicy, defaultAttestPolicy, type Selection } from './policy/attest-policy.ts';
export { defaultImagePolicy, type ImagePolicy } from './policy/image-policy.ts';
export { defaultPolicy, type Policy, parsePolicy } from './policy/policy.ts';
export { mergeProfiles, type Profile, type ProfileEntry } from './profile/profile.ts';
export { parseProfile, writeProfile } from './profile/profile-text.ts';
export type { ProvideOptions } from './provision/provide-runtime.ts';
export type { RuntimeBuildChoices } from './provision/runtime-build-spec.ts';
export type { PlatformTcb } from './quote/pck-extension.ts';
export { type CertificationData, parseQuote, type Quote } from './quote/quote.ts';
export { type Evidence, parseRaTlsCertificate, type RaTlsCertificate } from './quote/ra-tls.ts';
export type { ReportBody } from './quote/report-body.ts';
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
export type { CLibraryName } from './runtime/package-directory.ts';
export { showRuntimeVersion } from './runtime/patch-marks.ts';
export type { EnclaveFiles } from './runtime/places.ts';
export type { BuildType } from './runtime/recipe/recipe.ts';
export type { Runtime, RuntimeFile } from './runtime/runtime.ts';
export {
  type GramineRelease,
  type GrapheneRelease,
  labelledVersion,
  parseRuntimeVersion,
  type RuntimeVersion,
} from './runtime/version.ts';
export type { LayerIndex } from './scan/layer-index.ts';
export type { ContentObserver, TakeContent } from './scan/layer-visitor.ts';
export type { ImageScan, LayerIndexStore, ScanImageOptions, ScanProgress } from './scan/scan-image.ts';
export type { AppliedOverride, EnclaveOverrides } from './sign/enclave-overrides.ts';
export {
  type PreparedMessageSignature,
  type PreparedSignature,
  type PrepareSignatureOptions,
  prepareSignature,
  type SignPreparedOptions,
  signPrepared,
} from './sign/prepare-signature.ts';
export {
  type NamedEnclave,
  type SignedImage,
  type SignImageOptions,
  signImage,
} from './sign/sign-image.ts';
export {
  type MeasuredImage,
  type MeasureOptions,
  measureImage,
  type NamedMeasurement,
} from './sign/unsigned-enclave.ts';
export type { UnsignedImage } from './sign/unsigned-image.ts';
export type { SigstructDescription } from './signature/describe-sigstruct.ts';
export { describeSignedBytes } from './signature/describe-sigstruct.ts';
export type { EnclavePlan } from './signature/enclave-plan.ts';
export { mrSignerOfPem } from './signature/public-key.ts';
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
export { defaultDestination, fullNameOf, type OpenedImage, type StoreChoices } from './store/image-store.ts';
export type { RegistryOptions, RetryPolicy, Timeouts } from './store/registry/registry-options.ts';
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
export { diffImages } from './verify/diff-images.ts';
export type { ExpectedEvidence } from './verify/evidence-checks.ts';
export { directoryGroups, type FileGroup } from './verify/file-groups.ts';
export { type FactKind, factKinds } from './verify/image-facts.ts';
export type { RebuildSource } from './verify/rebuild.ts';
export {
  damagedImage,
  type ImageVerdict,
  isDamage,
  type VerifyImageOptions,
  verifyImage,
} from './verify/verify-image.ts';
export type { MeasurementStore } from './workspace/scan-cache.ts';
export { type Certificate, parseCertificate, readCertificates } from './x509/certificate.ts';
export type { Crl } from './x509/crl.ts';
