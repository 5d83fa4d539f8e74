import type { Images, OpenedImage } from '../../index.ts';
import { type ContainerNeeds, checkIsGraminized, containerNeeds } from '../../parts.ts';

/** Opens a graminized image and reads what its containers need. Throws a `state` error for an app image. */
export async function openGraminized(
  images: Images,
  name: string,
): Promise<OpenedImage & { readonly needs: ContainerNeeds }> {
  const opened = await images.open(name);
  checkIsGraminized(opened.image);
  const { tree } = await images.scan(opened.image);
  return { ...opened, needs: await containerNeeds(opened.image, tree) };
}
