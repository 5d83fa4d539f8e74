import type { ByteStream, Image, Layer } from '../../image/image.ts';
import { canonicalJson } from '../../json/canonical-json.ts';
import { tarEnd, tarHeader, tarPadding } from '../../tar/write-tar.ts';
import { blobPath } from '../layout/oci-blobs.ts';
import { layoutVersion, newIndex } from '../layout/oci-index.ts';

export interface ImageArchiveOptions {
  /** How many layers, from the lowest, the Engine has already: they are named in the archive, but not in it. */
  readonly leftOut: number;
  /** Where a layer's stored bytes are. */
  readonly open: (layer: Layer) => ByteStream;
}

/** Owner, mode and time of all entries: the same for every image, on every machine. */
const attributes = { uid: 0, gid: 0, mtimeSeconds: 0, mode: 0o644 };

/**
 * The archive that gives an Engine an image without a name. Layers are as they are stored. Whole it is an OCI layout
 * with a `manifest.json`, which Docker since 20.10, containerd and Podman all read. A thin one is not an OCI layout, so that
 * an Engine that would keep the holes refuses it.
 */
export async function* imageArchive(image: Image, { leftOut, open }: ImageArchiveOptions): ByteStream {
  const sent = new Map(image.layers.slice(leftOut).map((layer) => [pathOf(layer), layer]));
  for (const [path, layer] of sent) {
    const { sizeBytes } = layer.descriptor;
    yield tarHeader({ kind: 'file', name: path, sizeBytes, ...attributes });
    yield* open(layer);
    yield tarPadding(sizeBytes);
  }
  for (const [name, content] of documentsOf(image, leftOut > 0)) {
    yield tarHeader({ kind: 'file', name, sizeBytes: content.length, ...attributes });
    yield Buffer.concat([content, tarPadding(content.length)]);
  }
  yield tarEnd();
}

function documentsOf(image: Image, isThin: boolean): readonly (readonly [string, Buffer])[] {
  const config = blobPath(image.configDescriptor.digest);
  const listed = [{ Config: config, RepoTags: null, Layers: image.layers.map(pathOf) }];
  const docker = [
    [config, image.configBytes],
    ['manifest.json', canonicalJson(listed)],
  ] as const;
  if (isThin) return docker;
  return [
    ...docker,
    [blobPath(image.manifest.digest), image.manifestBytes],
    ['index.json', newIndex(image.manifest)],
    ['oci-layout', layoutVersion],
  ];
}

function pathOf(layer: Layer): string {
  return blobPath(layer.descriptor.digest);
}
