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
export { type Digest, digestOf, isDigest } from './base/digest.ts';
export { type ErrorCode, errorCodes, GscError } from './base/error.ts';
export {
  type ByteString,
  bytesOfText,
  type ImagePath,
  imagePath,
  showBytes,
  textOfBytes,
} from './base/image-path.ts';
export type { Collateral, RawCollateral } from './collateral/collateral.ts';
export { fetchCollateral, intelPcs } from './collateral/fetch-collateral.ts';
export { parseCollateral } from './collateral/parse-collateral.ts';
export { parseCollateralFile, readCollateral } from './collateral/read-collateral.ts';
export { type TcbStatus, tcbStatuses } from './collateral/tcb-status.ts';
export { type BuildChoices, type GraminizeOptions, noChoices } from './graminize/build-options.ts';
export type { LibcChoice } from './graminize/choose-libc.ts';
export { type Graminized, graminize } from './graminize/graminize.ts';
export type { GivenProfile, ProfileBasis } from './graminize/profiled-selection.ts';
export { type StarterParts, starterManifest } from './graminize/starter-manifest.ts';
export type { ImageConfig, RunConfig } from './image/config.ts';
export type { Descriptor, Platform } from './image/descriptor.ts';
export type { ByteStream, Image, Layer } from './image/image.ts';
export type { ImageWriter, StoreResult } from './image/image-writer.ts';
export { labels } from './image/labels.ts';
export type { StoredImage } from './image/stored-image.ts';
export {
  type ExplainableImage,
  explainPath,
  type PathExplanation,
  type Verdict,
} from './inspect/explain-path.ts';
export { explainableBuild, explainableImage } from './inspect/explainable-image.ts';
export { type ImageInspection, inspectImage } from './inspect/inspect-image.ts';
export { CompleteManifest } from './manifest/complete-manifest.ts';
export { chrootFiles } from './manifest/files/chroot-files.ts';
export { type FileAccess, hostFiles } from './manifest/files/file-access.ts';
export { type Migration, type MigrationChange, migrateManifest } from './manifest/migrate/migrate.ts';
export type { ManifestChoices, Secret, Variable, Volume, VolumeUse } from './manifest/option-manifest.ts';
export { type PreparedManifest, type PrepareOptions, prepareManifest } from './manifest/prepare.ts';
export { type AppliedPreset, presetNames } from './manifest/preset/presets.ts';
export { checkManifest, isCompleteManifest, type ManifestRole } from './manifest/schema/check.ts';
export type { ManifestProblem } from './manifest/schema/problem.ts';
export { checkRuntimeRules } from './manifest/schema/runtime-rules.ts';
export { serializeManifest } from './manifest/toml/serialize.ts';
export { parseToml, type TomlDocument, type TomlTable, type TomlValue } from './manifest/toml/toml.ts';
export { readUserManifest, type UserManifest } from './manifest/user-manifest.ts';
export { type AttestPolicy, defaultAttestPolicy } from './policy/attest-policy.ts';
export { defaultPolicy, type Policy, parsePolicy } from './policy/policy.ts';
export { mergeProfiles, type Profile, type ProfileEntry } from './profile/profile.ts';
export { parseProfile, writeProfile } from './profile/profile-text.ts';
export { parseQuote, type Quote } from './quote/quote.ts';
export { parseRaTlsCertificate, type RaTlsCertificate } from './quote/ra-tls.ts';
export type { ReportBody } from './quote/report-body.ts';
export { type ImageReference, parseReference, showReference } from './reference/image-reference.ts';
export { signedName, unsignedName } from './reference/output-name.ts';
export { type FindRuntimeOptions, findRuntime } from './runtime/find/find-runtime.ts';
export type { Runtime } from './runtime/runtime.ts';
export { parseRuntimeVersion, type RuntimeVersion } from './runtime/version.ts';
export type { LayerIndex } from './scan/layer-index.ts';
export { readFiles } from './scan/read-files.ts';
export { type ImageScan, type ScanImageOptions, scanImage } from './scan/scan-image.ts';
export { scanRootDirectory } from './scan/scan-root-directory.ts';
export { type SignedImage, type SignImageOptions, signImage, type UnsignedImage } from './sign/sign-image.ts';
export { describeSigstruct, type SigstructDescription } from './signature/describe-sigstruct.ts';
export { generatePrivateKey } from './signature/generate-private-key.ts';
export { pemSigner } from './signature/pem-signer.ts';
export {
  type EnclaveSource,
  type MeasuredEnclave,
  measureGramineEnclave,
  type SignedEnclave,
  signEnclave,
} from './signature/sign-enclave.ts';
export type { Signer } from './signature/signer.ts';
export { verifySigstruct } from './signature/verify-sigstruct.ts';
export { type FileReference, type OpenImageOptions, openImage } from './store/open-image.ts';
export { openWriter } from './store/open-writer.ts';
export { readTrace, type Trace } from './trace/opened-names.ts';
export type { FileTree, TreeNode } from './tree/file-tree.ts';
export { mergeLayers } from './tree/merge-layers.ts';
export { type TrustLevel, trustLevels } from './trust/trust-level.ts';
export { type Certificate, parseCertificate, readCertificates } from './x509/certificate.ts';
