/** gsc as a library: images in, graminized and signed images out. The command line is one user of it. */
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
export { type BuildChoices, noChoices } from './build-options.ts';
export { type ExplainableImage, explainPath, type PathExplanation, type Verdict } from './explain-path.ts';
export { explainableBuild, explainableImage } from './explainable-image.ts';
export { type Graminized, type GraminizeOptions, graminize } from './graminize.ts';
export type { ImageConfig, RunConfig } from './image/config.ts';
export type { Descriptor, Platform } from './image/descriptor.ts';
export type { ByteStream, Image, Layer } from './image/image.ts';
export { type ImageInspection, inspectImage } from './inspect-image.ts';
export { labels } from './labels.ts';
export { checkManifest, isCompleteManifest, type ManifestRole } from './manifest/check.ts';
export { chrootFiles } from './manifest/chroot-files.ts';
export { type FileAccess, hostFiles } from './manifest/file-access.ts';
export { type Migration, type MigrationChange, migrateManifest } from './manifest/migrate.ts';
export type { ManifestChoices, Secret, Variable, Volume, VolumeUse } from './manifest/option-manifest.ts';
export { type PreparedManifest, type PrepareOptions, prepareManifest } from './manifest/prepare.ts';
export { type AppliedPreset, presetNames } from './manifest/presets.ts';
export type { ManifestProblem } from './manifest/problem.ts';
export { checkRuntimeRules } from './manifest/runtime-rules.ts';
export { serializeManifest } from './manifest/serialize.ts';
export { parseToml, type TomlDocument, type TomlTable, type TomlValue } from './manifest/toml.ts';
export { readUserManifest, type UserManifest } from './manifest/user-manifest.ts';
export type { LibcChoice } from './own-manifest.ts';
export { type ImageReference, parseReference, showReference } from './reference/image-reference.ts';
export { signedName, unsignedName } from './reference/output-name.ts';
export { type FindRuntimeOptions, findRuntime } from './runtime/find-runtime.ts';
export type { Runtime } from './runtime/runtime.ts';
export { parseRuntimeVersion, type RuntimeVersion } from './runtime/version.ts';
export type { LayerIndex } from './scan/layer-index.ts';
export { readFiles } from './scan/read-files.ts';
export { type ImageScan, type ScanImageOptions, scanImage } from './scan/scan-image.ts';
export { scanRootDirectory } from './scan/scan-root-directory.ts';
export { type TrustLevel, trustLevels } from './scan/trust-level.ts';
export { type SignedImage, type SignImageOptions, signImage } from './sign-image.ts';
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
export { type StarterParts, starterManifest } from './starter-manifest.ts';
export type { ImageWriter, StoreResult } from './store/image-writer.ts';
export { type FileReference, openImage } from './store/open-image.ts';
export { openWriter } from './store/open-writer.ts';
export type { StoredImage } from './store/stored-image.ts';
export type { FileTree, TreeNode } from './tree/file-tree.ts';
export { mergeLayers } from './tree/merge-layers.ts';
