import { showCandidates } from '../completion/candidate.ts';
import { completeWords } from '../completion/complete-words.ts';
import { type Shell, shellScripts, shells } from '../completion/shell-scripts.ts';
import { choiceArgument } from '../options/choice-option.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { exitCodes } from '../terminal/failure.ts';

export const addCompletion: AddCommand = (program, act) => {
  program
    .command('completion')
    .summary('complete command lines in a shell')
    .description(
      'Prints what makes a shell complete command lines of gsc; with WORDs, what the last of them may become.',
    )
    .addArgument(choiceArgument('SHELL', 'the shell', shells))
    .argument('[WORD...]', 'the words after gsc, up to the cursor; they follow --')
    .action(
      act(async (context, _options: CommonOptions, shell, ...words) => {
        const typed = words.flat();
        if (typed.length === 0) return printScript(context, shell as Shell);
        const candidates = await completeWords(program, typed, context);
        context.console.result(
          context.isJson ? `${JSON.stringify({ candidates })}\n` : showCandidates(candidates),
        );
        return exitCodes.done;
      }),
    );
};

function printScript({ console, isJson }: CommandContext, shell: Shell): number {
  const script = shellScripts[shell];
  console.result(isJson ? `${JSON.stringify({ shell, script })}\n` : script);
  return exitCodes.done;
}
