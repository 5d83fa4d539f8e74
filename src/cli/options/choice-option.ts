import { Argument, Option } from 'commander';
import { GscError } from '../../base/error.ts';
import { nearestName } from '../../base/nearest-name.ts';

/** An option whose value is one of a few words, which its help lists; for any other see {@link parseChoice}. */
export function choiceOption(flags: string, description: string, choices: readonly string[]): Option {
  const option = new Option(flags, description).choices(choices);
  return option.argParser((text) => parseChoice(option.long ?? flags, text, choices));
}

/** An argument of that kind. */
export function choiceArgument(name: string, description: string, choices: readonly string[]): Argument {
  return new Argument(name, description)
    .choices(choices)
    .argParser((text) => parseChoice(name, text, choices));
}

/** `text`, if it is one of `choices`. Throws a `usage` error about `subject` otherwise, which proposes the nearest one. */
export function parseChoice(subject: string, text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  const near = nearestName(text, choices);
  throw new GscError({
    code: 'usage',
    subject,
    message: `expected one of ${choices.join(', ')}, got ${JSON.stringify(text)}`,
    hint: near === undefined ? 'choose one of these' : `did you mean ${near}?`,
  });
}
