import { Command, Option } from 'commander';
import { openImages } from '../index.ts';
import type { Act, AddCommand, CommonOptions } from './options/command-context.ts';
import { refuseMounts } from './options/foreign-options.ts';
import { type StoreOptions, storeChoices } from './options/store-options.ts';
import { asUsageError, type Call } from './options/usage-error.ts';
import { type CommandLineHost, Console, type Verbosity } from './terminal/console.ts';
import { reportFailure } from './terminal/failure.ts';

/** Runs the command line and gives the exit code: 0 done, 1 failed or did not verify, 2 wrong usage or configuration. */
export async function runCommandLine(
  host: CommandLineHost,
  commands: readonly AddCommand[],
): Promise<number> {
  let exitCode = 0;
  let console: Console | undefined;
  const act: Act =
    <Options extends CommonOptions & StoreOptions>(work: Parameters<typeof act<Options>>[0]) =>
    async (...parameters) => {
      // commander's call: the positional arguments, the options, the command
      const options = parameters.at(-2) as Options;
      const positional = parameters.slice(0, -2) as string[];
      console = new Console(host, verbosityOf(options));
      const images = openImages({
        ...storeChoices(options),
        host,
        reporter: console,
        usesCache: options.cache !== false,
      });
      try {
        const isJson = options.json === true;
        exitCode = await work({ host, console, images, isJson }, options, ...positional);
      } finally {
        await images.close();
      }
    };
  const program = makeProgram(host);
  for (const add of commands) add(program, act);
  for (const command of program.commands) addCommonOptions(command);
  try {
    refuseMounts(host.arguments);
    await program.parseAsync(withLongOptions(host.arguments), { from: 'user' });
    return exitCode;
  } catch (error) {
    console?.clearProgress();
    return reportFailure(asUsageError(error, callIn(program, host)), host);
  }
}

/** The Python tool's `-nc`: two letters, which commander would take for `-n -c`. */
function withLongOptions(args: readonly string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  return args.map((argument, index) => (argument === '-nc' && index < end ? '--no-cache' : argument));
}

function makeProgram(host: CommandLineHost): Command {
  return new Command('gsc')
    .description(
      'Turns a container image into one whose application runs inside an Intel SGX enclave, on Gramine.',
    )
    .version(__GSC_VERSION__, '-V, --version', 'print the version of gsc')
    .helpCommand('help [command]', 'show the help of a command')
    .helpOption('-h, --help', 'show this help')
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      // Said by reportFailure, like all other errors.
      outputError: () => undefined,
    })
    .exitOverride();
}

/** The options of every command. */
export function addCommonOptions(command: Command): void {
  command
    .addOption(new Option('--json', 'print the result as JSON'))
    .addOption(new Option('-q, --quiet', 'print only the result, warnings and errors'))
    .addOption(new Option('-v, --verbose', 'print more: what was left out and why, what was overridden'));
}

/** For hints. The command of `gsc help build` is `build`, that of `gsc build-graphene` the one that it is an alias of. */
function callIn(program: Command, host: CommandLineHost): Call {
  const called = program.commands.find((command) =>
    [command.name(), ...command.aliases()].some((name) => host.arguments.includes(name)),
  );
  return { command: called?.name(), commands: program.commands.map((command) => command.name()) };
}

function verbosityOf(options: CommonOptions): Verbosity {
  if (options.quiet) return 'quiet';
  return options.verbose ? 'verbose' : 'normal';
}
