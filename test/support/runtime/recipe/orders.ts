import { distributionFor } from '../../../../src/runtime/recipe/distribution.ts';
import type { RuntimeBuildSpec } from '../../../../src/runtime/recipe/recipe.ts';
import type { Family } from '../../../../src/runtime/version.ts';

/** A release build of a known commit on a distribution, by its name in a configuration. */
export function orderOn(name: string, more: Partial<RuntimeBuildSpec> = {}): RuntimeBuildSpec {
  const family: Family = more.family ?? 'gramine';
  const distribution = distributionFor(family, name);
  if (distribution === undefined) throw new Error(`${family} is not built on ${name}`);
  return {
    family,
    source: {
      repository: `https://git.example.com/${family}.git`,
      revision: '0123456789abcdef0123456789abcdef01234567',
      name: 'v1.9',
    },
    distribution,
    buildType: 'release',
    subprojects: [],
    buildArguments: new Map(),
    ...more,
  };
}

/** A file that stands for a downloaded archive. */
export const archive = { path: 'subprojects/glibc.tar.gz', mode: 0o644, content: Buffer.from('archive') };

/** The text of a file of a context. */
export function textOf(
  files: readonly { readonly path: string; readonly content: Buffer }[],
  path: string,
): string {
  const file = files.find((each) => each.path === path);
  if (file === undefined) throw new Error(`there is no ${path}`);
  return file.content.toString('utf8');
}
