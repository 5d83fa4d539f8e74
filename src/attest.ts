/** Whom an enclave's evidence speaks of, and whether to believe it: quotes, RA-TLS, collateral, statements, policies. Exported as `gsc/attest`. */

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
export type { ErrorCode, ErrorDetails, GscError } from './base/error.ts';
export type { ByteString, ImagePath } from './base/image-path.ts';
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
export type { LibraryDataKind, LibraryDataPlaces } from './elf/library-data.ts';
export {
  type AttachedEvidence,
  type AttestedBuild,
  checkEvidence,
  type EvidenceCheck,
} from './evidence/attached-evidence.ts';
export type { BuildEvidence, StatementClaims } from './evidence/evidence-bundle.ts';
export { type EvidenceKey, readPrivateEvidenceKey, readPublicEvidenceKey } from './evidence/evidence-key.ts';
export type { ResourceDescriptor, Statement } from './evidence/statement.ts';
export type { Referrer } from './image/artifact.ts';
export type { ImageConfig } from './image/config.ts';
export type { Descriptor, Platform } from './image/descriptor.ts';
export type { ByteStream, Image, Layer } from './image/image.ts';
export type { ImageWriter, LayerKey, StoreResult } from './image/image-writer.ts';
export type { StoredImage } from './image/stored-image.ts';
export type { JsonMember, JsonNode } from './json/parse-json.ts';
export type { Place } from './json/place.ts';
export type { Shape, ValueOf } from './json/shape.ts';
export { attestBuild, findEvidence } from './library/evidence.ts';
export type { Images, ScanOptions, StoreOptions } from './library/images.ts';
export { type AttestPolicy, defaultAttestPolicy, type Selection } from './policy/attest-policy.ts';
export { defaultImagePolicy, type ImagePolicy } from './policy/image-policy.ts';
export { defaultPolicy, type Policy, parsePolicy } from './policy/policy.ts';
export type { PlatformTcb } from './quote/pck-extension.ts';
export { type CertificationData, parseQuote, type Quote } from './quote/quote.ts';
export { type Evidence, parseRaTlsCertificate, type RaTlsCertificate } from './quote/ra-tls.ts';
export type { ReportBody } from './quote/report-body.ts';
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
export type { ImageScan } from './scan/image-scan.ts';
export type { LayerIndex } from './scan/layer-index.ts';
export type { OpenedImage } from './store/opened-image.ts';
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
export type { MeasurementStore } from './workspace/scan-cache.ts';
export { type Certificate, parseCertificate, readCertificates } from './x509/certificate.ts';
export type { Crl } from './x509/crl.ts';
