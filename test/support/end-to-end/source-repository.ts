import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool } from '../images/run-tool.ts';

const standin = fileURLToPath(new URL('../../../runtime-standin', import.meta.url));

/** A git repository that a web server of files can serve. */
export interface SourceRepository {
  /** The directory to serve: `URL/NAME/.git` is what is cloned. */
  readonly directory: string;
  /** Commits all that is there, with a tag if one is given, and gives the commit. */
  readonly commit: (message: string, tag?: string) => Promise<string>;
}

/** The stand-in's sources, which build with Meson as Gramine does, or with make as Graphene does. */
export async function standinRepository(
  directory: string,
  family: 'gramine' | 'graphene',
): Promise<SourceRepository> {
  cpSync(standin, directory, { recursive: true });
  if (family === 'graphene') cpSync(join(standin, 'graphene.mk'), join(directory, 'Makefile'));
  return repositoryIn(directory);
}

/** A new repository with these files. */
export async function repositoryOf(
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<SourceRepository> {
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return repositoryIn(directory);
}

async function repositoryIn(directory: string): Promise<SourceRepository> {
  const git = (...args: readonly string[]) =>
    runTool('git', ['-C', directory, '-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args]);
  await git('init', '--quiet', '--initial-branch=main');
  return {
    directory,
    commit: async (message, tag) => {
      await git('add', '--all');
      await git('commit', '--quiet', '--allow-empty', '--message', message);
      if (tag !== undefined) await git('tag', tag);
      // For clients that speak to a server of files.
      await git('update-server-info');
      return (await git('rev-parse', 'HEAD')).trim();
    },
  };
}
