import type { Command } from 'commander';

/** A word in the place of a command's first operand that makes it do something else, with options of its own. */
export interface CommandMode {
  readonly word: string;
  readonly description: string;
  /** Long options that only the mode has, and those that it does not have; all others are for both. */
  readonly own: readonly string[];
  readonly foreign: readonly string[];
}

const modes = new WeakMap<Command, CommandMode>();

export function addMode(command: Command, mode: CommandMode): void {
  modes.set(command, mode);
}

export function modeOf(command: Command): CommandMode | undefined {
  return modes.get(command);
}
