import { showSize } from '../../base/show-size.ts';
import type { Image } from '../../image/image.ts';
import type { ScanProgress } from '../../scan/scan-image.ts';
import type { Console } from '../terminal/console.ts';

/** Shows on a terminal how far the reading of an image's layers is. */
export function scanProgress(console: Console, image: Image): (progress: ScanProgress) => void {
  const numbers = new Map(image.layers.map((layer, index) => [layer.diffId, index + 1]));
  return ({ layer, readBytes }) => {
    const total = layer.descriptor.sizeBytes;
    const number = numbers.get(layer.diffId) ?? 0;
    console.progress(
      `reading layer ${number} of ${image.layers.length}: ${showSize(readBytes)} of ${showSize(total)}`,
    );
  };
}
