import type { Digest } from '../../base/digest.ts';
import { GscError } from '../../base/error.ts';
import { anything } from '../../json/shape.ts';
import { type ImageName, showFullName } from '../../reference/image-name.ts';
import type { Engine } from './engine.ts';

/**
 * Gives an image of the Engine a name, with its tag; another image loses it. Once it was asked for, the Engine does it, so that the
 * outcome is waited for even if the run is aborted. `shown` is the name in messages.
 */
export async function nameImage(
  engine: Engine,
  id: Digest,
  { name, shown }: { name: ImageName; shown: string },
): Promise<void> {
  const { tag, ...untagged } = name;
  const query = new URLSearchParams({ repo: showFullName(untagged), tag: tag ?? '' });
  const purpose = `give the image ${id} its name`;
  const path = `/images/${id}/tag?${query}`;
  if ((await engine.ask({ method: 'POST', path, purpose, outlastsAbort: true }, anything)) !== undefined)
    return;
  throw new GscError({
    code: 'engine',
    subject: shown,
    message: `cannot ${purpose}: it no longer exists`,
    hint: 'something removes new images (docker image prune?): run the command again',
    isPassing: true,
  });
}
