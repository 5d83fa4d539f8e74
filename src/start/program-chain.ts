import { GscError } from '../base/error.ts';
import { type ImagePath, imagePath, showBytes } from '../base/image-path.ts';
import { useUnixLineEnds } from '../scan/script-line.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { resolvePath } from '../tree/resolve-path.ts';
import { type Executable, hintAbout, nameOf, obstacleOf } from './executable.ts';

/** What the kernel loads for a program: scripts lead to their interpreters, until there is an ELF file. */
export interface ProgramChain {
  /** The program itself first, the ELF file last; all paths real. */
  readonly steps: readonly Executable[];
  /** The ELF file's own interpreter (the dynamic loader); absent for static programs. */
  readonly loader?: { readonly name: ImagePath; readonly executable: Executable };
}

/** How many scripts may lead to each other: Linux, fs/exec.c, `exec_binprm`. */
const maximumScripts = 5;

/** e_machine of ELF files for x86-64, and of those that images for other machines hold. ELF, `EM_*`. */
const machines: Readonly<Record<number, string>> = {
  3: 'i386',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x86-64',
  183: 'arm64',
  243: 'riscv64',
};
const x86Machine = 62;

export interface ChainContext {
  readonly tree: FileTree;
  /** The working directory, from which relative interpreters count. */
  readonly from: ImagePath;
  readonly subject: string;
}

/**
 * Follows `#!` lines from a program to the ELF file that runs, and finds its loader. Throws an `entrypoint` error for
 * a file that the kernel does not start or an interpreter that the image lacks, a `platform` error for other machines.
 */
export function followProgram(program: Executable, context: ChainContext): ProgramChain {
  const steps = [program];
  for (let current = program; ; ) {
    const facts = current.node.program;
    if (facts === undefined) throw unknownFormat(current.path, context);
    if (facts.kind === 'elf') return finishChain(steps, facts, context);
    if (steps.length > maximumScripts) {
      throw failure(context, `${showBytes(program.path)} leads through more than ${maximumScripts} scripts`);
    }
    current = findInterpreter(current.path, facts.interpreter, context);
    steps.push(current);
  }
}

function finishChain(
  steps: readonly Executable[],
  facts: { readonly machine: number; readonly interpreter?: string },
  context: ChainContext,
): ProgramChain {
  const path = steps.at(-1)?.path ?? context.from;
  if (facts.machine !== x86Machine) throw otherMachine(path, facts.machine, context);
  if (facts.interpreter === undefined) return { steps };
  const executable = findInterpreter(path, facts.interpreter, context);
  return { steps, loader: { name: absoluteName(facts.interpreter, context), executable } };
}

function findInterpreter(path: ImagePath, interpreter: string, context: ChainContext): Executable {
  const found = resolvePath(context.tree, interpreter, { from: context.from });
  const obstacle = obstacleOf(found, absoluteName(interpreter, context));
  if (found.kind === 'found' && found.node.kind === 'file' && obstacle === undefined) {
    const name = nameOf(context.tree, interpreter, found.path, context.from);
    return { name, path: found.path, node: found.node };
  }
  if (interpreter.endsWith('\r')) {
    throw failure(
      context,
      `${showBytes(path)} has Windows line endings: its first line asks for the interpreter ${showBytes(interpreter)}`,
      useUnixLineEnds(path),
    );
  }
  throw failure(
    context,
    `${showBytes(path)} needs the interpreter ${showBytes(interpreter)}, which cannot be started: ${showBytes(obstacle ?? '')}`,
    hintAbout(found) ??
      'install what the program needs: a program built for glibc does not run on Alpine as it is',
  );
}

function absoluteName(interpreter: string, { from }: ChainContext): ImagePath {
  return imagePath(interpreter.startsWith('/') ? interpreter : `${from}/${interpreter}`);
}

function otherMachine(path: ImagePath, machine: number, { subject }: ChainContext): GscError {
  return new GscError({
    code: 'platform',
    subject,
    message: `${showBytes(path)}: expected a program for x86-64, got one for ${machines[machine] ?? `ELF machine ${machine}`}`,
    hint: 'build or pull the image for linux/amd64',
  });
}

function unknownFormat(path: ImagePath, context: ChainContext): GscError {
  return failure(
    context,
    `${showBytes(path)} is neither an ELF file nor a script with a #! line of at most 255 bytes`,
    'begin the script with a line such as #!/bin/sh, with nothing before it',
  );
}

function failure({ subject }: ChainContext, message: string, hint?: string): GscError {
  return new GscError({ code: 'entrypoint', subject, message, ...(hint && { hint }) });
}
