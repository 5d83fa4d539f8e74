import {
  type AttachedEvidence,
  type AttestedBuild,
  attestBuild as attest,
  findEvidence as find,
} from '../evidence/attached-evidence.ts';
import type { EvidenceKey } from '../evidence/evidence-key.ts';
import { type ImageReference, showReference } from '../reference/image-reference.ts';
import type { OpenedImage } from '../store/opened-image.ts';
import { type Images, workspaceOf } from './images.ts';

/**
 * Signs how a signed image was built (SLSA provenance v1 in a sigstore bundle), and attaches it to the image, which must be in a
 * registry or an OCI layout. `unchanged` if this key has signed the same before. Throws `usage` for other places, `state` for an
 * image that is not signed.
 */
export async function attestBuild(
  images: Images,
  opened: OpenedImage,
  key: EvidenceKey,
): Promise<AttestedBuild> {
  const referrers = workspaceOf(images).images.referrersOf(opened.reference);
  return attest(opened.image, { key, repository: repositoryName(opened.reference), referrers });
}

/** Throws a `usage` error for a place where nothing can be attached to an image: an Engine, an archive. */
export function checkTakesEvidence(images: Images, place: ImageReference): void {
  workspaceOf(images).images.referrersOf(place);
}

/** The evidence attached to an image in a registry or an OCI layout, not verified. Throws `usage` for other places. */
export function findEvidence(
  images: Images,
  { image, reference }: OpenedImage,
): Promise<readonly AttachedEvidence[]> {
  return find(image, workspaceOf(images).images.referrersOf(reference));
}

/** The name without transport, tag and digest. */
function repositoryName(reference: ImageReference): string {
  if (reference.kind === 'registry') return `${reference.name.domain}/${reference.name.path}`;
  return 'path' in reference ? reference.path : showReference(reference);
}
