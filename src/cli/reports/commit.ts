import type { Image, Layer } from '../../image/image.ts';
import type { ImageWriter } from '../../image/image-writer.ts';
import { compressLayers } from '../../layer/compress-layers.ts';
import { type ImageReference, showReference } from '../../reference/image-reference.ts';
import type { CommandContext } from '../options/command-context.ts';
import { exitCodes } from '../terminal/failure.ts';

export interface Commitment {
  readonly writer: ImageWriter;
  readonly image: Image;
  /** What the image was made of: its layers are stored as they are. */
  readonly base: Image;
  readonly output: ImageReference;
  /** What `--json` prints besides. */
  readonly more: object;
}

/** Stores the result under its name and prints that name with its digest; gives the exit code. */
export async function commitAndReport(
  { console, isJson }: CommandContext,
  { writer, image: made, base, output, more }: Commitment,
): Promise<number> {
  const image = output.kind === 'registry' ? await compressLayers(made, isNewTo(base)) : made;
  const { outcome, manifest } = await writer.commit(image);
  const name = showReference(output);
  if (outcome === 'unchanged') console.say(`${name} is there already, with the same content`);
  const result = {
    image: name,
    digest: manifest.digest,
    image_id: image.configDescriptor.digest,
    outcome,
    ...more,
  };
  console.result(isJson ? `${JSON.stringify(result)}\n` : `${name}@${manifest.digest}\n`);
  return exitCodes.done;
}

function isNewTo(base: Image): (layer: Layer) => boolean {
  const known = new Set(base.layers.map((layer) => layer.diffId));
  return (layer) => !known.has(layer.diffId);
}
