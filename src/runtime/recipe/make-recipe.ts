import { GscError } from '../../base/error.ts';
import type { Family } from '../version.ts';
import { loginSecrets } from './clone-step.ts';
import { collectScript } from './collect-script.ts';
import { checkWord } from './dockerfile-text.ts';
import { gramineSteps } from './gramine-steps.ts';
import { grapheneSteps } from './graphene-steps.ts';
import { installSteps } from './install-steps.ts';
import { patchFiles } from './patch-steps.ts';
import { baseImage, isPredefinedArgument, type Recipe, type RuntimeBuildSpec } from './recipe.ts';

const scriptMode = 0o755;
const fileMode = 0o644;

const firstLines: Readonly<Record<Family, string>> = {
  gramine: '# Builds a Gramine runtime; made by gsc.',
  graphene: '# Builds a Graphene runtime; made by gsc.',
};

/** True for the text of a Dockerfile that {@link makeRecipe} has made. */
export function isRecipeText(text: string): boolean {
  return Object.values(firstLines).some((line) => text.startsWith(`${line}\n`));
}

/**
 * The Dockerfile of an order and the files that it copies. The same order gives the same bytes. Throws a `config` error for
 * values that cannot stand in a Dockerfile.
 */
export function makeRecipe(order: RuntimeBuildSpec): Recipe {
  const { family, subprojects, buildArguments } = order;
  const install = installSteps(order.distribution, order.mirror);
  const dockerfile = dockerfileOf(order, install.instructions);
  return {
    family,
    files: [
      { path: 'Dockerfile', mode: fileMode, content: Buffer.from(dockerfile) },
      { path: 'collect-runtime.sh', mode: scriptMode, content: Buffer.from(collectScript(family)) },
      ...subprojects,
      ...patchFiles(order.patches ?? []),
    ].sort((a, b) => (a.path < b.path ? -1 : 1)),
    buildArguments,
    secrets: install.secrets,
    logins: loginSecrets(order),
  };
}

function dockerfileOf(order: RuntimeBuildSpec, install: readonly string[]): string {
  const { family, buildType } = order;
  const { instructions, installed } = (family === 'gramine' ? gramineSteps : grapheneSteps)(order);
  const mode = buildType === 'release' ? ' strip' : '';
  return `${[
    firstLines[family],
    `FROM ${checkWord(baseImage(order), 'Distro, Registry')} AS build`,
    ...argumentsOf(order.buildArguments),
    ...install,
    ...instructions,
    'COPY collect-runtime.sh /collect-runtime.sh',
    `RUN sh /collect-runtime.sh ${installed} /runtime${mode}`,
    '',
    '# The runtime alone, with the libraries of its loader.',
    'FROM scratch',
    'COPY --from=build /runtime/ /',
  ].join('\n')}\n`;
}

function argumentsOf(buildArguments: ReadonlyMap<string, string>): readonly string[] {
  const names = [...buildArguments.keys()].filter((name) => !isPredefinedArgument(name)).sort();
  for (const name of names) {
    if (/^[A-Za-z_]\w*$/.test(name)) continue;
    throw new GscError({
      code: 'usage',
      subject: '--build-arg',
      message: `expected NAME or NAME=VALUE, got the name ${JSON.stringify(name)}`,
      hint: 'names have letters, digits and underscores',
    });
  }
  return names.map((name) => `ARG ${name}`);
}
