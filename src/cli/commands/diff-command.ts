import { diffImages } from '../../index.ts';
import { parseReference } from '../../parts.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { groupOptions } from '../options/option-groups.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { differenceText } from '../reports/diff-report.ts';
import { exitCodes } from '../terminal/failure.ts';

export const addDiff: AddCommand = (program, act) => {
  const command = program
    .command('diff')
    .summary('say what changed between two graminized images')
    .description(
      'Compares two graminized images, signed or not: signature, runtime, keys of the manifest, environment, how they start, files.',
    )
    .argument('A', 'the image before')
    .argument('B', 'the image after')
    .action(act(diff));
  addStoreOptions(command);
  groupOptions(command);
};

async function diff(
  { images, console, host, isJson }: CommandContext,
  _options: CommonOptions & StoreOptions,
  beforeText: string,
  afterText: string,
): Promise<number> {
  const [first, second] = [parseReference(beforeText), parseReference(afterText)];
  const before = (await images.open(first)).image;
  const after = (await images.open(second)).image;
  const difference = await diffImages(before, after, { signal: host.signal, reporter: console });
  console.result(
    isJson
      ? `${JSON.stringify({ a: before.name, b: after.name, ...difference })}\n`
      : differenceText(difference, console.verbosity === 'verbose'),
  );
  return exitCodes.done;
}
