import { GscError } from '../base/error.ts';
import { type ImagePath, imagePath } from '../base/image-path.ts';
import { assembleImage } from '../image/append.ts';
import type { ImageConfig } from '../image/config.ts';
import type { Image, Layer } from '../image/image.ts';
import { type Labels, labels } from '../image/labels.ts';
import { mediaTypes } from '../image/media-type.ts';
import { labelledEnclaves } from '../runtime/places.ts';
import { decompress } from '../tar/codec/decompress.ts';
import { readTar } from '../tar/read-tar.ts';

const signatureLabels: ReadonlySet<string> = new Set([
  labels.mrEnclave,
  labels.mrSigner,
  labels.isvProdId,
  labels.isvSvn,
]);

/**
 * The unsigned image that a signed one was made of: without the layer of the signature, its labels and its line of history. Throws
 * a `state` error if the topmost layer is another one: what was added after signing is not taken away.
 */
export async function stripSignature(image: Image): Promise<Image> {
  const top = image.layers.at(-1);
  const enclaves = labelledEnclaves(image.config.config?.Labels ?? {});
  const files = new Set(enclaves.flatMap(({ manifestSgx, sigstruct }) => [manifestSgx, sigstruct]));
  if (top === undefined || !(await isSignatureLayer(top, image.name, files))) {
    throw new GscError({
      code: 'state',
      subject: image.name,
      message:
        'expected the layer of the signature on top, got another one: the image was changed after it was signed',
      hint: 'sign the unsigned image that it was made from',
    });
  }
  return assembleImage({
    name: image.name,
    config: withoutSignature(image.config),
    layers: image.layers.slice(0, -1),
    isDocker: image.manifest.mediaType === mediaTypes.dockerManifest,
  });
}

async function isSignatureLayer(
  layer: Layer,
  name: string,
  signatureFiles: ReadonlySet<ImagePath>,
): Promise<boolean> {
  const subject = `${name}: layer ${layer.diffId}`;
  const found: ImagePath[] = [];
  const entry = ({ name: path, type }: { readonly name: string; readonly type: string }) => {
    if (type !== 'directory') found.push(imagePath(path));
  };
  await readTar(
    decompress(layer.open(), subject),
    { entry, data: () => undefined, end: () => undefined },
    subject,
  );
  return found.length === signatureFiles.size && found.every((path) => signatureFiles.has(path));
}

function withoutSignature(config: ImageConfig): ImageConfig {
  const { history, rootfs, config: given, ...rest } = config;
  const run = given ?? {};
  const kept: Labels = Object.fromEntries(
    Object.entries(run.Labels ?? {}).filter(([name]) => !signatureLabels.has(name)),
  );
  const layerCount = (rootfs.diff_ids ?? []).length;
  const lines = (history ?? []).filter((line) => line.empty_layer !== true);
  return {
    ...rest,
    config: { ...run, Labels: kept },
    rootfs: { ...rootfs, diff_ids: (rootfs.diff_ids ?? []).slice(0, -1) },
    ...(history && { history: lines.length === layerCount ? history.slice(0, -1) : history }),
  };
}
