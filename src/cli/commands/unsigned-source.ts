import { GscError } from '../../base/error.ts';
import type { ImageReference, Images, OpenedImage } from '../../index.ts';
import { workspaceOf } from '../../library/images.ts';
import { showReference, signedName, signedNameOfUnsigned, stateOf, unsignedName } from '../../parts.ts';

/** An image that is to be signed. */
export interface UnsignedSource {
  readonly opened: OpenedImage;
  /** The name of the signed image, unless the user gives another one. */
  readonly signed: ImageReference;
}

/**
 * The unsigned image of the app; where there is none, the given image itself if it is unsigned (`gsc build -o`) and the result
 * has another name or none, or if it is signed: it is signed again under its own name. Throws `not-found` and `state` errors.
 */
export async function openUnsigned(
  images: Images,
  given: ImageReference,
  needsNoName: boolean,
): Promise<UnsignedSource> {
  const { unsigned, signed } = namesFor(given);
  if (needsNoName && (await isUnsignedHere(images, given)))
    return { opened: await images.open(given), signed: given };
  const found = await openIfThere(unsigned, images);
  if (found !== undefined) return { opened: found, signed };
  const opened = await openIfThere(given, images);
  if (opened === undefined) throw noUnsignedImage(given, unsigned);
  const state = stateOf(opened.image.config.config?.Labels ?? {});
  if (state === 'app') throw noUnsignedImage(given, unsigned);
  if (state === 'signed' || needsNoName) return { opened, signed: given };
  throw new GscError({
    code: 'state',
    subject: showReference(given),
    message: 'the name of the signed image cannot be derived from the name of this unsigned image',
    hint: 'name the signed image with -o',
  });
}

interface Names {
  readonly unsigned: ImageReference;
  readonly signed: ImageReference;
}

/** A name that ends in `-unsigned` is the image's own; any other is the app's, as the Python tool takes it. */
function namesFor(reference: ImageReference): Names {
  const signed = signedNameOfUnsigned(reference);
  if (signed !== undefined) return { unsigned: reference, signed };
  return { unsigned: unsignedName(reference), signed: signedName(reference) };
}

/** An unsigned image is not an app, so that no other one has to be looked for. */
async function isUnsignedHere(images: Images, given: ImageReference): Promise<boolean> {
  const glance = await workspaceOf(images).images.glance(given);
  return glance !== undefined && stateOf(glance.labels) === 'unsigned';
}

async function openIfThere(reference: ImageReference, images: Images): Promise<OpenedImage | undefined> {
  try {
    return await images.open(reference);
  } catch (error) {
    if (error instanceof GscError && error.code === 'not-found') return undefined;
    throw error;
  }
}

function noUnsignedImage(given: ImageReference, unsigned: ImageReference): GscError {
  const isItself = showReference(given) === showReference(unsigned);
  return new GscError({
    code: 'not-found',
    subject: showReference(unsigned),
    message: isItself ? 'there is no such image' : `there is no unsigned image of ${showReference(given)}`,
    hint: isItself
      ? 'check the name; gsc build makes unsigned images'
      : `make it with: gsc build ${showReference(given)} [MANIFEST]`,
  });
}
