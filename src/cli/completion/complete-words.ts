import type { Argument, Command, Option } from 'commander';
import { modeOf } from '../options/command-mode.ts';
import { beginning, type Candidate } from './candidate.ts';
import { completeValue, type ValuePlaces } from './complete-value.ts';

/** The help, which commander keeps apart from the other options and commands. */
const helpOption = { text: '--help', description: 'show this help' };
const helpCommand = 'help';

/**
 * What the last of the words may become. They are those after `gsc`, as the user means them: without quotes, the last one
 * up to the cursor and empty after a blank.
 */
export async function completeWords(
  program: Command,
  words: readonly string[],
  places: ValuePlaces,
): Promise<readonly Candidate[]> {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const at = before.findIndex((word) => !word.startsWith('-'));
  if (at < 0) return last.startsWith('-') ? optionsOf(program, last) : commandsOf(program, last);
  const name = before[at] ?? '';
  if (name === helpCommand) return commandsOf(program, last);
  const command = program.commands.find((each) => [each.name(), ...each.aliases()].includes(name));
  return command === undefined ? [] : completeIn(command, { before: before.slice(at + 1), last }, places);
}

interface Typed {
  readonly before: readonly string[];
  readonly last: string;
}

async function completeIn(
  command: Command,
  { before, last }: Typed,
  places: ValuePlaces,
): Promise<readonly Candidate[]> {
  const { open, operands, isEnded } = readWords(command, before);
  if (open?.required) return completeValue(valueFactsOf(open), last, places);
  const [, long, value] = /^(--[\w-]+)=(.*)$/.exec(last) ?? [];
  const named = isEnded || long === undefined ? undefined : optionNamed(command, long);
  if (named !== undefined && value !== undefined) {
    const candidates = await completeValue(valueFactsOf(named), value, places);
    return candidates.map((candidate) => ({ ...candidate, text: `${long}=${candidate.text}` }));
  }
  if (!isEnded && last.startsWith('-')) return optionsOf(command, last, operands[0]);
  const argument = argumentAt(command, operands.length);
  return [
    ...(open === undefined ? [] : await completeValue(valueFactsOf(open), last, places)),
    ...(operands.length === 0 ? modesOf(command, last) : []),
    ...(argument === undefined ? [] : await completeValue(valueOfArgument(argument), last, places)),
  ];
}

interface ReadWords {
  /** The option whose value comes next. */
  readonly open: Option | undefined;
  readonly operands: readonly string[];
  /** True after `--`. */
  readonly isEnded: boolean;
}

/** Reads words as commander does. */
function readWords(command: Command, words: readonly string[]): ReadWords {
  let open: Option | undefined;
  const operands: string[] = [];
  for (const [index, word] of words.entries()) {
    if (word === '--' && open?.required !== true) {
      return { open: undefined, operands: [...operands, ...words.slice(index + 1)], isEnded: true };
    }
    const isOption = word.startsWith('-') && word !== '-';
    if (open !== undefined && (open.required || !isOption)) open = undefined;
    else if (isOption) open = optionThatWaits(command, word);
    else operands.push(word);
  }
  return { open, operands, isEnded: false };
}

/** An option that takes a value and does not have it in the same word. */
function optionThatWaits(command: Command, word: string): Option | undefined {
  const option = optionNamed(command, word);
  return option?.required || option?.optional ? option : undefined;
}

function optionNamed(command: Command, word: string): Option | undefined {
  return command.options.find((option) => option.long === word || option.short === word);
}

function argumentAt({ registeredArguments }: Command, index: number): Argument | undefined {
  const last = registeredArguments.at(-1);
  return registeredArguments[index] ?? (last?.variadic ? last : undefined);
}

/** Its choices, else what the placeholder in its flags stands for. */
function valueFactsOf({ argChoices, flags }: Option) {
  return { choices: argChoices, placeholder: /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? '' };
}

function valueOfArgument(argument: Argument) {
  return { choices: argument.argChoices, placeholder: argument.name().toLowerCase() };
}

/** Those of the mode that the first operand chooses, where there is one; before it those of all modes. */
function optionsOf(command: Command, typed: string, operand?: string): readonly Candidate[] {
  const mode = modeOf(command);
  const others = operand === undefined ? [] : operand === mode?.word ? mode.foreign : mode?.own;
  const options = command.options.flatMap(({ long, description }) =>
    long === undefined || others?.includes(long) ? [] : [{ text: long, description }],
  );
  return [...options, helpOption].filter(({ text }) => text.startsWith(typed));
}

function modesOf(command: Command, typed: string): readonly Candidate[] {
  const mode = modeOf(command);
  return mode?.word.startsWith(typed) ? [{ text: mode.word, description: mode.description }] : [];
}

function commandsOf(program: Command, typed: string): readonly Candidate[] {
  const commands = program.commands.map((command) => ({
    text: command.name(),
    description: command.summary(),
  }));
  return [...commands.filter(({ text }) => text.startsWith(typed)), ...beginning(typed, [helpCommand])];
}
