import type { Images, OpenedImage } from '../../index.ts';

/** Opens an image when it is first needed, and gives the same one every time. */
export function openOnce(
  images: Images,
  reference: Parameters<Images['open']>[0],
): () => Promise<OpenedImage> {
  let opened: Promise<OpenedImage> | undefined;
  return () => {
    opened ??= images.open(reference);
    return opened;
  };
}
