import type { Command } from 'commander';
import type { Images } from '../../index.ts';
import type { CommandLineHost, Console } from '../terminal/console.ts';
import type { ProgressChoice } from '../terminal/progress-mode.ts';
import type { SharedCacheOptions } from './shared-cache-options.ts';
import type { StoreOptions } from './store-options.ts';

/** What a command gets besides its own arguments. */
export interface CommandContext {
  readonly host: CommandLineHost;
  readonly console: Console;
  /** Where images are opened and stored; closed when the command has ended. */
  readonly images: Images;
  readonly isJson: boolean;
}

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly progress?: ProgressChoice;
  /** False with `--no-cache`, of the commands that have it. */
  readonly cache?: boolean;
}

/** Adds one command to the program. `act` wraps the command's work: context in, exit code out. */
export type AddCommand = (program: Command, act: Act) => void;

/** What a command's options may say about how it works. */
export type ActOptions = CommonOptions & StoreOptions & SharedCacheOptions;

export type Act = <Options extends ActOptions>(
  work: (context: CommandContext, options: Options, ...positional: string[]) => Promise<number>,
) => (...parameters: unknown[]) => Promise<void>;
