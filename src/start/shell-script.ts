import type { ByteString } from '../base/image-path.ts';

/** A simple command of a shell script. */
export interface ShellCommand {
  /** Without assignments, redirections and quotes; variables stay as they are written. */
  readonly words: readonly ByteString[];
  /** True if the command takes the place of the shell. */
  readonly isExec: boolean;
}

/**
 * The simple commands of a shell script in their order, whatever the conditions around them: enough to say which programs
 * it may start, for no script is run. Comments, here-documents, names of functions and patterns of `case` are not among
 * them. POSIX.1-2024, "Shell Command Language".
 */
export function commandsOf(script: ByteString): readonly ShellCommand[] {
  const commands: ShellCommand[] = [];
  let words: ByteString[] = [];
  let depth = 0;
  let isPattern = false;
  const finish = () => {
    commands.push(...commandOf(words));
    words = [];
  };
  for (const [, operator, word] of withoutPassages(script).matchAll(tokens)) {
    if (word !== undefined) {
      if (isPattern && word !== 'esac') continue;
      words.push(word);
      isPattern = word === 'in' && words[0] === 'case';
      if (isPattern) words = [];
    } else if (operator === '(') {
      // A word before it is the name of a function, or the end of one that a substitution goes on from.
      if (words.length > 1) finish();
      words = [];
      depth += 1;
    } else if (operator === ')') {
      if (depth > 0) finish();
      words = [];
      depth = Math.max(0, depth - 1);
      isPattern = false;
    } else if (operator !== undefined && !isPattern) {
      finish();
      isPattern = operator === ';;';
    }
  }
  finish();
  return commands;
}

/** Blanks and comments, which are neither; operators; words with all their quoted parts. */
const tokens =
  /[ \t]+|#[^\n]*|(;;|[\n;&|(){}`])|((?:\\.|"(?:[^"\\]|\\.)*"|'[^']*'|\$\{[^}]*\}|[^\s;&|(){}`"'\\])+)|./gs;

/** The script without continued lines, here-documents and redirections. */
function withoutPassages(script: ByteString): ByteString {
  return script
    .replace(/\\\n/g, ' ')
    .replace(/<<-?[ \t]*(['"]?)(\w+)\1([^\n]*\n)[\s\S]*?^[ \t]*\2[ \t]*$/gm, '$3')
    .replace(/(?<![\w$])\d*(?:<<<|>>|[<>])&?[ \t]*(?:"[^"\n]*"|'[^'\n]*'|[^\s;&|()<>]+)/g, ' ');
}

const keywords = new Set(['if', 'then', 'elif', 'else', 'while', 'until', 'do', '!', 'time', 'builtin']);

function commandOf(given: readonly ByteString[]): readonly ShellCommand[] {
  const words = given.map((word) => word.replace(/\\(.)|["']/gs, '$1'));
  let [at, isExec] = [0, false];
  for (; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === 'exec') isExec = true;
    else if (!keywords.has(word) && !/^\w+\+?=/.test(word)) break;
  }
  const rest = words.slice(at);
  return rest.length === 0 ? [] : [{ words: rest, isExec }];
}
