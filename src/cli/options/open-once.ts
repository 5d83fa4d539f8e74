import type { Images, OpenedImage } from '../../index.ts';

/** Opens an image when it is first needed, and gives the same one every time. */
export function openOnce(images: Images, ...order: Parameters<Images['open']>): () => Promise<OpenedImage> {
  let opened: Promise<OpenedImage> | undefined;
  return () => {
    opened ??= images.open(...order);
    return opened;
  };
}
