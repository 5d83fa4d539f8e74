import { baseNameOf, bytesOfText, type ImagePath, imagePath, showBytes } from '../base/image-path.ts';
import { useUnixLineEnds } from '../scan/script-line.ts';
import type { ProgramFacts } from '../tree/entry.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import type { ContainerProcess } from './container-process.ts';

/**
 * Warnings about scripts with Windows line endings that an engine does start: those whose `#!` line has an argument, which then
 * ends in a carriage return, and those that the arguments of the program name, as in `sh run.sh`.
 */
export function lineEndNotes(
  { argv, chain, workingDirectory }: ContainerProcess,
  tree: FileTree,
): readonly string[] {
  const notes = new Map<ImagePath, string>();
  for (const { path, node } of chain.steps) {
    if (endsInReturn(node.program)) notes.set(path, noteOn(path));
  }
  // A word may be a line for `sh -c`.
  for (const word of argv.slice(1).flatMap((text) => bytesOfText(text).split(/\s+/))) {
    const found = resolvePath(tree, word, { from: workingDirectory.realPath });
    if (word === '' || found.kind !== 'found' || found.node.kind !== 'file') continue;
    const { program } = found.node;
    if (endsInReturn(program) && isShellScript(program)) notes.set(found.path, noteOn(found.path));
  }
  return [...notes.values()];
}

function endsInReturn(program: ProgramFacts | undefined): boolean {
  return program?.kind === 'script' && (program.argument ?? program.interpreter).endsWith('\r');
}

/** Other interpreters (Python, node) read such scripts; a shell takes the carriage return for a part of each command. */
function isShellScript(program: ProgramFacts | undefined): boolean {
  if (program?.kind !== 'script') return false;
  const interpreters = [program.interpreter, ...(program.argument ?? '').split(' ')];
  return interpreters.some((name) => /^(?:ba|da|a|k|mk|z)?sh\r?$/.test(baseNameOf(imagePath(name))));
}

function noteOn(path: ImagePath): string {
  return `${showBytes(path)} has Windows line endings, which its interpreter takes as part of the words before them; ${useUnixLineEnds(path)}`;
}
