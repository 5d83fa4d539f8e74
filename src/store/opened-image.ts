import type { StoredImage } from '../image/stored-image.ts';
import { showFullName, withDefaultTag } from '../reference/image-name.ts';
import type { ImageReference } from '../reference/image-reference.ts';
import type { Engine } from './engine/engine.ts';
import { isConfiguredForDocker } from './engine/engine-address.ts';

/** An image that was opened, with the reference that says where it was found. */
export interface OpenedImage {
  readonly image: StoredImage;
  /** Never a bare name: that was looked up. */
  readonly reference: ImageReference;
  /**
   * Where its results go, if not to where it is: to the Engine that answered for a bare name without a host and did not
   * have the image, since few users may push next to an image of Docker Hub.
   */
  readonly resultPlace?: ImageReference;
}

/** Whose Engine a transport means. */
export const flavours = { 'docker-daemon': 'docker', 'containers-storage': 'podman' } as const;

/** The transport by which the Engine that was found for a bare name is found again. */
export function transportOf({ kind, address }: Engine): keyof typeof flavours {
  return kind === 'podman' && !isConfiguredForDocker(address) ? 'containers-storage' : 'docker-daemon';
}

/** A bare name for a result means the place of its source, or the Engine that was asked for that first. */
export function defaultDestination(
  result: ImageReference,
  { reference, resultPlace: source = reference }: OpenedImage,
): ImageReference {
  if (result.kind !== 'bare') return result;
  if (source.kind === 'registry' && result.image.kind === 'name')
    return { kind: 'registry', name: result.image };
  const kind = source.kind === 'containers-storage' ? 'containers-storage' : 'docker-daemon';
  return { kind, image: result.image };
}

/** The full name of an app image for a label, or undefined for images in files, whose place says nothing elsewhere. */
export function fullNameOf(reference: ImageReference): string | undefined {
  if (reference.kind === 'registry') return showFullName(withDefaultTag(reference.name));
  if (!('image' in reference) || reference.image.kind === 'id') return undefined;
  return showFullName(withDefaultTag(reference.image));
}
