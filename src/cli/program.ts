import { Command, Option } from 'commander';
import { sharedSignal } from '../base/shared-signal.ts';
import type { CommandRow } from './commands.ts';
import type { Act, ActOptions, CommonOptions } from './options/command-context.ts';
import { refuseMounts } from './options/foreign-options.ts';
import { asUsageError, type Call } from './options/usage-error.ts';
import { type CommandLineHost, Console, type Verbosity } from './terminal/console.ts';
import { reportFailure } from './terminal/failure.ts';
import { progressChoices } from './terminal/progress-mode.ts';

/** Runs the command line and gives the exit code: 0 done, 1 failed or did not verify, 2 wrong usage or configuration. */
export async function runCommandLine(
  caller: CommandLineHost,
  commands: readonly CommandRow[],
): Promise<number> {
  const host = { ...caller, signal: sharedSignal(caller.signal) };
  let exitCode = 0;
  let console: Console | undefined;
  const act: Act =
    <Options extends ActOptions>(work: Parameters<typeof act<Options>>[0]) =>
    async (...parameters) => {
      // commander's call: the positional arguments, the options, the command
      const options = parameters.at(-2) as Options;
      const positional = parameters.slice(0, -2) as string[];
      console = new Console(host, verbosityOf(options), { progress: options.progress });
      const [{ openImages }, { storeChoices }, { readSharedCache }] = await imagesModules();
      const sharedCache = await readSharedCache(host, options);
      const images = openImages({
        ...storeChoices(options),
        host,
        reporter: console,
        usesCache: options.cache !== false,
        ...(sharedCache && { sharedCache }),
      });
      try {
        const isJson = options.json === true;
        exitCode = await work({ host, console, images, isJson }, options, ...positional);
      } finally {
        await images.close();
      }
    };
  const program = makeProgram(host);
  for (const row of commands) await addRow(program, row, { act, words: host.arguments });
  for (const command of program.commands) addCommonOptions(command);
  try {
    refuseMounts(host.arguments);
    await program.parseAsync(withLongOptions(withCommandFirst(host.arguments)), { from: 'user' });
    return exitCode;
  } catch (error) {
    console?.close();
    return reportFailure(asUsageError(error, callIn(program, host)), host, console?.tellsEvents);
  } finally {
    console?.close();
  }
}

/** What reads images is loaded when a command runs: help and mistakes need none of it. */
function imagesModules() {
  return Promise.all([
    import('../library/images.ts'),
    import('./options/store-options.ts'),
    import('./options/shared-cache-options.ts'),
  ]);
}

/** Adds a command whole if a word names it, so that it may be called, and else as the overview shows it. */
async function addRow(
  program: Command,
  { name, alias, operands, summary, load }: CommandRow,
  { act, words }: { readonly act: Act; readonly words: readonly string[] },
): Promise<void> {
  if (words.includes(name) || (alias !== undefined && words.includes(alias))) {
    const add = await load();
    return add(program, act);
  }
  const command = program.command(name).summary(summary);
  if (alias !== undefined) command.alias(alias);
  for (const operand of operands) command.argument(operand);
}

const commonOption = /^(?:--json|-q|--quiet|-v|--verbose|--progress(?:=.*)?)$/;

/** Options of every command may stand before its name. */
function withCommandFirst(args: readonly string[]): readonly string[] {
  let count = 0;
  while (commonOption.test(args[count] ?? '')) count += args[count] === '--progress' ? 2 : 1;
  const command = args[count];
  if (command === undefined || command.startsWith('-')) return args;
  return [command, ...args.slice(0, count), ...args.slice(count + 1)];
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
    .addOption(new Option('-v, --verbose', 'print more: what was left out and why, what was overridden'))
    .addOption(new Option('--progress <how>', 'how long work is shown on stderr').choices(progressChoices));
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
