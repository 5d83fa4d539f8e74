import type { Digest } from '../base/digest.ts';
import type { Work } from '../base/progress.ts';
import type { Reporter } from '../base/reporter.ts';
import type { Image } from '../image/image.ts';
import type { ImageScan } from './image-scan.ts';
import { scanImage } from './scan-image.ts';
import type { ScanImageOptions, ScanProgress } from './scan-options.ts';

/** {@link scanImage}, which says how far it is. */
export async function scanReporting(
  image: Image,
  reporter: Pick<Reporter, 'begin'>,
  options: Omit<ScanImageOptions, 'onProgress'>,
): Promise<ImageScan> {
  const parts = image.layers.map(({ descriptor, diffId }) => ({
    name: diffId,
    sizeBytes: descriptor.sizeBytes,
  }));
  const work = reporter.begin({
    ...{ kind: 'read', verb: 'reading', subject: image.name, parts, partNoun: 'layer' },
  });
  try {
    return await scanImage(image, { ...options, onProgress: forwardTo(work, image) });
  } finally {
    work.end();
  }
}

/** A layer that an image has twice is read once: the other is done at the same time. */
function forwardTo(work: Work, { layers }: Image): (progress: ScanProgress) => void {
  const parts = new Map<Digest, number[]>();
  for (const [part, { diffId }] of layers.entries()) parts.set(diffId, [...(parts.get(diffId) ?? []), part]);
  return ({ kind, layer, readBytes }) => {
    const own = parts.get(layer.diffId) ?? [];
    if (kind === 'started' || kind === 'bytes') return work.update(own[0] ?? 0, readBytes);
    for (const part of own) work.finish(part);
  };
}
