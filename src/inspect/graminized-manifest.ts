import { GscError } from '../base/error.ts';
import type { ImagePath } from '../base/image-path.ts';
import { graminizedPaths } from '../image/graminized-paths.ts';
import type { Image } from '../image/image.ts';
import { labels, stateOf } from '../image/labels.ts';
import { labelledEnclaves } from '../runtime/places.ts';
import { readTopFiles } from '../scan/read-top-files.ts';

/**
 * The manifest in a graminized image, as bytes: the measured one of a signed image, and of several that of the program that starts
 * first. Throws a `state` error without one.
 */
export async function graminizedManifest(
  image: Image,
): Promise<{ readonly path: ImagePath; readonly content: Buffer }> {
  const found = image.config.config?.Labels ?? {};
  const [files] = labelledEnclaves(found);
  const path =
    (stateOf(found) === 'signed' ? files?.manifestSgx : files?.manifest) ?? graminizedPaths.manifest;
  const content = (await readTopFiles(image, [path])).get(path);
  if (content !== undefined) return { path, content };
  throw new GscError({
    code: 'state',
    subject: image.name,
    message: `expected a graminized image, got one without ${path}, although it has the label ${labels.runtimeVersion}`,
    hint: 'make it again with gsc build',
  });
}
