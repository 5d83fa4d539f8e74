import { Command, CommanderError } from 'commander';
import { usageError } from '../../base/error.ts';
import type { FleetEntry } from '../../fleet/fleet-file.ts';
import { addBuild } from './build-command.ts';

/**
 * Reads the words of a list as `gsc build` will, before anything is made. Throws a `usage` error for values that it would refuse, and
 * for a word that no option takes: it would stand for the image.
 */
export function checkBuildWords(entries: readonly FleetEntry[], subject: string): void {
  for (const [index, { options }] of entries.entries()) {
    const where = `${subject}: images[${index}]`;
    const [stray] = strayWords(options, where);
    if (stray !== undefined)
      throw usageError(
        where,
        `${JSON.stringify(stray)} belongs to no option`,
        'write it under image or manifest',
      );
  }
}

function strayWords(words: readonly string[], where: string): readonly string[] {
  const program = new Command();
  addBuild(program, () => async () => {});
  const build = program.commands[0]?.exitOverride().configureOutput({ writeErr: () => {} });
  try {
    const { operands = [], unknown = [] } = build?.parseOptions([...words]) ?? {};
    return [...operands, ...unknown];
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw usageError(
      where,
      error.message.replace(/^error: /, ''),
      'gsc build --help lists the options and their values',
    );
  }
}
