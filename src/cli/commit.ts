import type { Image } from '../image/image.ts';
import { type ImageReference, showReference } from '../reference/image-reference.ts';
import type { ImageWriter } from '../store/image-writer.ts';
import { exitCodes } from './failure.ts';
import type { CommandContext } from './program.ts';

export interface Commitment {
  readonly writer: ImageWriter;
  readonly image: Image;
  readonly output: ImageReference;
  /** What `--json` prints besides. */
  readonly more: object;
}

/** Stores the result under its name and prints that name with its digest; gives the exit code. */
export async function commitAndReport(
  { console, isJson }: CommandContext,
  { writer, image, output, more }: Commitment,
): Promise<number> {
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
