import { checkWord, run, secretMount, shellWord } from './dockerfile-text.ts';
import type { RuntimeBuildSpec, Source, SourceLogin } from './recipe.ts';

export const driverDirectory = '/driver';

/**
 * The sources of an SGX driver, if one is named. Intel's DCAP repository has the driver among other things: its folder is
 * spread where builds look for headers.
 */
export function driverStep(driver: Source | undefined): readonly string[] {
  const folder = `${driverDirectory}/driver/linux`;
  return driver === undefined
    ? []
    : cloneStep(driver, driverDirectory, [
        `if [ -d ${folder} ]; then cp -r ${folder}/. ${driverDirectory}/; fi`,
      ]);
}

/** The id of the secret with a repository's login, by the directory that it is cloned into. */
function loginSecret(directory: string): string {
  return `${directory.slice(1)}-login`;
}

/** What `git` gets where the repositories of an order need a login, by the id of the secret. */
export function loginSecrets({ family, source, driver }: RuntimeBuildSpec): ReadonlyMap<string, Buffer> {
  const logins = [
    [`/${family}`, source.login],
    [driverDirectory, driver?.login],
  ] as const;
  return new Map(
    logins.flatMap(([directory, login]) =>
      login ? [[loginSecret(directory), Buffer.from(credentialLines(login))] as const] : [],
    ),
  );
}

/** git, git-credential(1): "INPUT/OUTPUT FORMAT". */
function credentialLines({ username, password }: SourceLogin): string {
  return `username=${username}\npassword=${password}\n`;
}

/**
 * Instructions that clone a repository into `directory` and check a revision out: what a clone brings, or else what the
 * server gives by that name. `more` are commands for the same step. Throws a `config` error for values that cannot stand in
 * a Dockerfile.
 */
export function cloneStep(
  { repository, revision, login }: Source,
  directory: string,
  more: readonly string[] = [],
): readonly string[] {
  const wanted = shellWord(checkWord(revision, 'Branch'));
  const git = `git -C ${directory}`;
  const checkout = `${git} -c advice.detachedHead=false checkout --quiet --detach`;
  const fetched = `{ ${git} fetch --quiet origin ${wanted} && ${checkout} FETCH_HEAD; }`;
  const secret = loginSecret(directory);
  // Git adds what it wants to the end of this command: the rest of the line is a comment.
  const helper = `git config --global credential.helper ${shellWord(`!cat /run/secrets/${secret} #`)}`;
  const commands = [
    ...(login ? [helper] : []),
    `git clone --quiet ${shellWord(checkWord(repository, 'Repository'))} ${directory}`,
    `{ ${checkout} ${wanted} 2>/dev/null || ${fetched}; }`,
    `${git} log -1 --oneline`,
    ...more,
  ];
  return [run(commands, login ? [secretMount(secret)] : [])];
}
