import type { Image, ImageReference, ImageWriter } from '../../index.ts';
import { showReference } from '../../parts.ts';
import type { CommandContext } from '../options/command-context.ts';
import { exitCodes } from '../terminal/failure.ts';
import type { Stopwatch } from '../terminal/stopwatch.ts';

export interface Commitment {
  readonly writer: ImageWriter;
  readonly image: Image;
  readonly output: ImageReference;
  readonly steps: Stopwatch;
  /** What `--json` prints besides. */
  readonly more: object;
  /** Done once the result is stored, before that is printed. */
  readonly afterwards?: () => Promise<void>;
}

/** Stores the result under its name and prints that name with its digest; gives the exit code. */
export async function commitAndReport(
  { console, isJson }: CommandContext,
  { writer, image, output, steps, more, afterwards }: Commitment,
): Promise<number> {
  const { outcome, manifest } = await writer.commit(image);
  steps.lap('store');
  await afterwards?.();
  const name = showReference(output);
  if (outcome === 'unchanged') console.say(`${name} exists already, with the same content`);
  const result = {
    image: name,
    digest: manifest.digest,
    image_id: image.configDescriptor.digest,
    outcome,
    ...more,
    seconds: steps.toJson(),
  };
  console.detail(`  time           ${steps}`);
  console.result(isJson ? `${JSON.stringify(result)}\n` : `${name}@${manifest.digest}\n`);
  return exitCodes.done;
}
