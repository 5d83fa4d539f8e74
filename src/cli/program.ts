import { Command, Option } from 'commander';
import { Console, type Verbosity, type World } from './console.ts';
import { reportFailure } from './failure.ts';
import { refuseMounts } from './foreign-options.ts';
import { openScanCache, type ScanCache } from './scan-cache.ts';
import type { StoreOptions } from './store-options.ts';
import { Stores } from './stores.ts';
import { asUsageError, type Call } from './usage-error.ts';

/** What a command gets besides its own arguments. */
export interface CommandContext {
  readonly world: World;
  readonly console: Console;
  readonly isJson: boolean;
  /** Where images are opened and stored. */
  readonly stores: Stores;
  /** What is kept between runs. */
  readonly cache: ScanCache;
}

/** Options that every command has. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  /** False with `--no-cache`, of the commands that have it. */
  readonly cache?: boolean;
}

/** Adds one command to the program. `act` wraps the command's work: context in, exit code out. */
export type AddCommand = (program: Command, act: Act) => void;

export type Act = <Options extends CommonOptions & StoreOptions>(
  work: (context: CommandContext, options: Options, ...positional: string[]) => Promise<number>,
) => (...parameters: unknown[]) => Promise<void>;

/** Runs the command line and gives the exit code: 0 done, 1 failed or did not verify, 2 wrong usage or configuration. */
export async function runCommandLine(world: World, commands: readonly AddCommand[]): Promise<number> {
  let exitCode = 0;
  let console: Console | undefined;
  const act: Act =
    <Options extends CommonOptions & StoreOptions>(work: Parameters<typeof act<Options>>[0]) =>
    async (...parameters) => {
      // commander's call: the positional arguments, the options, the command
      const options = parameters.at(-2) as Options;
      const positional = parameters.slice(0, -2) as string[];
      console = new Console(world, verbosityOf(options));
      const cache = openScanCache(world, console, options.cache !== false);
      const stores = new Stores({ world, console, records: cache.records }, options);
      try {
        const isJson = options.json === true;
        exitCode = await work({ world, console, isJson, stores, cache }, options, ...positional);
      } finally {
        await stores.close();
        await cache.close();
      }
    };
  const program = makeProgram(world);
  for (const add of commands) add(program, act);
  for (const command of program.commands) addCommonOptions(command);
  try {
    refuseMounts(world.arguments);
    await program.parseAsync(withLongOptions(world.arguments), { from: 'user' });
    return exitCode;
  } catch (error) {
    console?.clearProgress();
    return reportFailure(asUsageError(error, callIn(program, world)), world);
  }
}

/** The Python tool's `-nc`: two letters, which commander would take for `-n -c`. */
function withLongOptions(args: readonly string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  return args.map((argument, index) => (argument === '-nc' && index < end ? '--no-cache' : argument));
}

function makeProgram(world: World): Command {
  return new Command('gsc')
    .description(
      'Turns a container image into one whose application runs inside an Intel SGX enclave, on Gramine.',
    )
    .version(__GSC_VERSION__, '-V, --version', 'print the version of gsc')
    .helpCommand('help [command]', 'show the help of a command')
    .helpOption('-h, --help', 'show this help')
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => world.stdout.write(text),
      writeErr: (text) => world.stderr.write(text),
      // Said by reportFailure, like all other errors.
      outputError: () => undefined,
    })
    .exitOverride();
}

/** The options of every command. */
export function addCommonOptions(command: Command): void {
  command
    .addOption(new Option('--json', 'print the result as JSON'))
    .addOption(new Option('-q, --quiet', 'say nothing but the result, warnings and errors'))
    .addOption(new Option('-v, --verbose', 'say more: what was left out and why, what was overridden'));
}

/** For hints. The command of `gsc help build` is `build`, that of `gsc build-graphene` the one that it is an alias of. */
function callIn(program: Command, world: World): Call {
  const called = program.commands.find((command) =>
    [command.name(), ...command.aliases()].some((name) => world.arguments.includes(name)),
  );
  return { command: called?.name(), commands: program.commands.map((command) => command.name()) };
}

function verbosityOf(options: CommonOptions): Verbosity {
  if (options.quiet) return 'quiet';
  return options.verbose ? 'verbose' : 'normal';
}
