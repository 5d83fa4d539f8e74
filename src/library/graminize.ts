import {
  type Graminized,
  type GraminizeOptions as GraminizeParts,
  graminize as make,
} from '../graminize/graminize.ts';
import type { Image } from '../image/image.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { scanImage } from '../scan/scan-image.ts';

/** What a build may be told besides the app image and the runtime. */
export type GraminizeOptions = Partial<Omit<GraminizeParts, 'runtime'>>;

/**
 * Turns an app image into one that starts in an enclave, with everything as the image has it unless the options say
 * otherwise. The image is scanned here unless `tree` is given, as `images.scan` gives it. Same inputs, same bytes.
 */
export async function graminize(
  app: Image,
  runtime: Runtime,
  options: GraminizeOptions = {},
): Promise<Graminized> {
  return make(app, {
    ...{ insecureArguments: false, libc: 'auto', trust: [], exclude: [] },
    ...{ name: app.name, toolVersion: __GSC_VERSION__ },
    ...options,
    tree: options.tree ?? (await scanImage(app)).tree,
    runtime,
  });
}
