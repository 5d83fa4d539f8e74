import { onlyLayerOf } from './artifact-layer.ts';
import type { Descriptor } from './descriptor.ts';
import type { ByteStream } from './image.ts';
import { parseManifest } from './manifest.ts';
import type { TaggedArtifact } from './tagged-artifacts.ts';
import { collectBytes } from './verified-stream.ts';

/** The index of a layer with a million files stays below it. */
const maximalContentBytes = 256 * 1024 * 1024;

/** The artifact of a manifest; `open` gives a blob of it, verified. Throws an `image` error for what is not one. */
export function artifactOf(
  manifestBytes: Buffer,
  subject: string,
  open: (content: Descriptor) => ByteStream,
): TaggedArtifact {
  const content = onlyLayerOf(manifestBytes, subject, maximalContentBytes);
  const manifest = parseManifest(manifestBytes, subject);
  const { artifactType, annotations } =
    manifest.kind === 'manifest' ? manifest : { artifactType: undefined, annotations: {} };
  return { artifactType, annotations, content, read: () => collectBytes(open(content)) };
}
