import { GscError } from '../base/error.ts';
import type { ImagePath } from '../base/image-path.ts';
import type { ImageConfig, RunConfig } from '../image/config.ts';
import type { FileTree } from '../tree/file-tree.ts';
import { type ContainerUser, findUser } from './container-user.ts';
import { type Environment, readEnvironment, variableOf, wellFormed } from './environment.ts';
import { type Executable, findExecutable } from './executable.ts';
import { findLibraryPaths, type LibraryPaths } from './library-paths.ts';
import { followProgram, type ProgramChain } from './program-chain.ts';
import { findStartedPrograms, type StartedPrograms } from './started-programs.ts';
import { findWorkingDirectory, type WorkingDirectory } from './working-directory.ts';

/** How a container of an image starts, everything looked up in the image itself. */
export interface ContainerProcess {
  /** `ENTRYPOINT` followed by `CMD`; the first is as given, not resolved. */
  readonly argv: readonly string[];
  readonly executable: Executable;
  /** From the executable to the ELF file that runs; its first step is the executable. */
  readonly chain: ProgramChain;
  readonly workingDirectory: WorkingDirectory;
  readonly user: ContainerUser;
  readonly environment: Environment;
  readonly libraries: LibraryPaths;
  readonly programs: StartedPrograms;
}

/**
 * Finds out how an image starts, by the rules of Docker and runc. Throws an `entrypoint`, `user` or `platform` error
 * that names `subject` if a container of it could not start either.
 */
export function findStart(config: ImageConfig, tree: FileTree, subject: string): ContainerProcess {
  const run: RunConfig = config.config ?? {};
  const argv = argvOf(run, subject);
  const environment = readEnvironment(run.Env ?? [], subject);
  const workingDirectory = findWorkingDirectory(run.WorkingDir, tree, subject);
  const from = workingDirectory.realPath;
  const searchPath = variableOf(environment, 'PATH');
  const executable = findExecutable(argv[0] ?? '', { tree, from, searchPath, subject });
  const chain = followProgram(executable, { tree, from, subject });
  return {
    argv,
    executable,
    chain,
    workingDirectory,
    user: findUser(run.User ?? '', tree, subject),
    environment,
    libraries: findLibraryPaths(chain, tree, subject),
    programs: findStartedPrograms({ argv, chain, tree, from, searchPath }),
  };
}

/** The real paths of the program, its interpreters and its loader: without them nothing starts. */
export function startFiles({ chain: { steps, loader } }: ContainerProcess): readonly ImagePath[] {
  return [...steps, ...(loader ? [loader.executable] : [])].map(({ path }) => path);
}

/** Docker: the words of `ENTRYPOINT`, then those of `CMD`. */
function argvOf(run: RunConfig, subject: string): readonly string[] {
  const argv = [...(run.Entrypoint ?? []), ...(run.Cmd ?? [])].map(wellFormed);
  if (argv.length === 0) {
    throw unstartable(
      'the image has neither ENTRYPOINT nor CMD: it does not say what to start',
      'say what to start with --entrypoint, or build the image with an ENTRYPOINT',
      subject,
    );
  }
  const damaged = argv.find((word) => word.includes('\0'));
  if (damaged === undefined) return argv;
  throw unstartable(
    `the argument ${JSON.stringify(damaged)} holds a NUL: no container starts with it`,
    'build the image with another ENTRYPOINT or CMD',
    subject,
  );
}

function unstartable(message: string, hint: string, subject: string): GscError {
  return new GscError({ code: 'entrypoint', subject, message, hint });
}
