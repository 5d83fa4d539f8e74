import { CommanderError } from 'commander';
import { GscError } from '../../base/error.ts';
import { hintForForeignOption } from './foreign-options.ts';

/** What was called, for hints. */
export interface Call {
  /** The command, if there is such a command. */
  readonly command: string | undefined;
  /** The names of all commands. */
  readonly commands: readonly string[];
}

/**
 * commander's complaint about options and arguments as an error of gsc's own; every other error, and the end after a
 * help or version text, as it is.
 */
export function asUsageError(error: unknown, call: Call): unknown {
  if (!(error instanceof CommanderError) || error.exitCode === 0 || error.code === 'commander.help')
    return error;
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  return new GscError({
    code: 'usage',
    subject: 'command line',
    message,
    hint:
      hintForUnknown(message, call) ??
      suggestion?.replace(/^\(Did you mean (.*)\?\)$/, 'did you mean $1?') ??
      generalHint(error, call),
    cause: error,
  });
}

function hintForUnknown(message: string, { command, commands }: Call): string | undefined {
  const [, kind, word = ''] = /^unknown (option|command) '(.*)'$/.exec(message) ?? [];
  if (kind === 'option') return hintForForeignOption(word, command);
  // The beginning of one command, as in `gsc info`; or the first word of several, of which the first in the help is the usual one.
  const longer = kind === 'command' && word !== '' ? commands.filter((name) => name.startsWith(word)) : [];
  const [first] = longer;
  const isClear = longer.length === 1 || longer.every((name) => name.startsWith(`${word}-`));
  return first !== undefined && isClear ? `did you mean ${first}?` : undefined;
}

function generalHint(error: CommanderError, { command }: Call): string {
  if (error.code === 'commander.unknownCommand') return 'gsc --help lists the commands';
  return `${command === undefined ? 'gsc' : `gsc ${command}`} --help shows its usage`;
}
