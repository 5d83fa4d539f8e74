import { checkWord, run, shellWord } from './dockerfile-text.ts';
import type { Source } from './recipe.ts';

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

/**
 * Instructions that clone a repository into `directory` and check a revision out: what a clone brings, or else what the
 * server gives by that name. `more` are commands for the same step. Throws a `config` error for values that cannot stand in
 * a Dockerfile.
 */
export function cloneStep(
  { repository, revision }: Source,
  directory: string,
  more: readonly string[] = [],
): readonly string[] {
  const wanted = shellWord(checkWord(revision, 'Branch'));
  const git = `git -C ${directory}`;
  const checkout = `${git} -c advice.detachedHead=false checkout --quiet --detach`;
  const fetched = `{ ${git} fetch --quiet origin ${wanted} && ${checkout} FETCH_HEAD; }`;
  return [
    run([
      `git clone --quiet ${shellWord(checkWord(repository, 'Repository'))} ${directory}`,
      `{ ${checkout} ${wanted} 2>/dev/null || ${fetched}; }`,
      `${git} log -1 --oneline`,
      ...more,
    ]),
  ];
}
