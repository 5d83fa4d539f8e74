import { type ImagePath, showBytes } from '../base/image-path.ts';
import type { ProgramFacts } from '../tree/entry.ts';

/** How many bytes of a file the kernel looks at: BINPRM_BUF_SIZE, include/uapi/linux/binfmts.h. */
export const scriptLineBytes = 256;

/**
 * Reads a `#!` line as Linux does (fs/binfmt_script.c, `load_script`): from the first 256 bytes, one interpreter, the
 * rest one optional argument without the blanks around it. Undefined if the file is not a script that Linux would start.
 */
export function parseScriptLine(head: Buffer): ProgramFacts | undefined {
  if (head[0] !== 0x23 || head[1] !== 0x21) return undefined;
  const seen = head.toString('latin1', 2, Math.min(head.length, scriptLineBytes));
  const newline = seen.indexOf('\n');
  const isCut = newline < 0 && head.length >= scriptLineBytes;
  // A line that is cut off must at least hold the whole name of the interpreter.
  const line = newline < 0 ? (isCut ? seen.slice(0, -1) : seen) : seen.slice(0, newline);
  if (isCut && !/^[ \t]*[^ \t\0]+[ \t\0]/.test(seen)) return undefined;
  const match = /^[ \t]*([^ \t\0]+)(?:[ \t]+([^\0]*))?/.exec(line);
  const interpreter = match?.[1];
  if (interpreter === undefined) return undefined;
  const argument = match?.[2]?.replace(/[ \t]+$/, '');
  return argument ? { kind: 'script', interpreter, argument } : { kind: 'script', interpreter };
}

/** What to do about a script with Windows line endings. */
export function useUnixLineEnds(path: ImagePath): string {
  return `add to the Dockerfile: RUN sed -i 's/\\r$//' ${showBytes(path)}`;
}
