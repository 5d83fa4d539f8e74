import { GscError } from '../base/error.ts';
import type { TaggedArtifacts } from '../image/tagged-artifacts.ts';
import { type ImageReference, showReference } from '../reference/image-reference.ts';
import { LayoutArtifacts } from './layout/tagged-artifacts.ts';
import { type RegistrySession, repositoryOf } from './registry/registry-session.ts';
import { RegistryArtifacts } from './registry/tagged-artifacts.ts';

/**
 * The artifacts by tag in the repository or the OCI layout that a reference names; a bare name is a registry's. Throws a `usage`
 * error for a reference with a tag or a digest, since each artifact has its own, and for other places.
 */
export function openArtifacts(reference: ImageReference, session: () => RegistrySession): TaggedArtifacts {
  if (reference.kind === 'oci') {
    checkWhole(reference, reference);
    return new LayoutArtifacts(reference.path);
  }
  const name = reference.kind === 'bare' ? reference.image : reference.kind === 'registry' && reference.name;
  if (name && name.kind === 'name') {
    checkWhole(reference, name);
    return new RegistryArtifacts(session(), repositoryOf(name));
  }
  throw new GscError({
    code: 'usage',
    subject: showReference(reference),
    message: 'expected a registry or an OCI layout, which can keep artifacts',
    hint: 'write docker://HOST/NAME or oci:DIR',
  });
}

function checkWhole(
  reference: ImageReference,
  { tag, digest }: { readonly tag?: string; readonly digest?: string },
): void {
  if (tag === undefined && digest === undefined) return;
  throw new GscError({
    code: 'usage',
    subject: showReference(reference),
    message: `expected a repository or a layout, got one with a ${tag === undefined ? 'digest' : 'tag'}`,
    hint: 'leave that out: each artifact has its own tag',
  });
}
