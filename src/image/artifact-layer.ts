import { GscError } from '../base/error.ts';
import type { Descriptor } from './descriptor.ts';
import { parseManifest } from './manifest.ts';

/** Evidence is small; what is larger is something else. */
export const maximalArtifactBytes = 16 * 1024 * 1024;

/** The one layer of an artifact's manifest. Throws an `image` error for an index, several layers, or one that is too large. */
export function onlyLayerOf(
  manifestBytes: Buffer,
  subject: string,
  maximalBytes = maximalArtifactBytes,
): Descriptor {
  const manifest = parseManifest(manifestBytes, subject);
  const [layer, ...others] = manifest.kind === 'manifest' ? manifest.layers : [];
  if (layer === undefined || others.length > 0) {
    throw unfit(
      subject,
      'an artifact with one layer',
      manifest.kind === 'index' ? 'an index' : `${others.length + (layer ? 1 : 0)} layers`,
    );
  }
  if (layer.sizeBytes > maximalBytes) {
    throw unfit(subject, `at most ${maximalBytes} bytes`, String(layer.sizeBytes));
  }
  return layer;
}

function unfit(subject: string, expected: string, got: string): GscError {
  return new GscError({
    code: 'image',
    subject,
    message: `expected ${expected}, got ${got}`,
    hint: 'neither gsc nor cosign made this artifact',
  });
}
