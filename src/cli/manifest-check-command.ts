import { checkManifest } from '../manifest/check.ts';
import { type ManifestProblem, showProblem } from '../manifest/problem.ts';
import { checkRuntimeRules } from '../manifest/runtime-rules.ts';
import { parseToml, showPath } from '../manifest/toml.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { exitCodes } from './failure.ts';
import { readInput } from './input-file.ts';
import type { AddCommand, CommandContext, CommonOptions } from './program.ts';
import { defaultRuntimeVersion, runtimeVersionOption } from './runtime-version-option.ts';

interface Options extends CommonOptions {
  readonly runtimeVersion?: RuntimeVersion;
  readonly strict?: boolean;
}

export const addManifestCheck: AddCommand = (program, act) => {
  program
    .command('manifest-check')
    .summary('check a manifest')
    .description(
      "Checks a manifest against the schema of a Gramine release; warns of what fails only at Gramine's start.",
    )
    .argument('[FILE]', 'the manifest; default and -: standard input', '-')
    .addOption(runtimeVersionOption())
    .option('--strict', 'what Gramine refuses only when it starts is a problem too')
    .action(act(manifestCheck));
};

async function manifestCheck(
  { world, console, isJson }: CommandContext,
  options: Options,
  file: string,
): Promise<number> {
  const subject = file === '-' ? 'standard input' : file;
  const version = options.runtimeVersion ?? defaultRuntimeVersion;
  const text = await readInput(world, file, 'manifest');
  const { problems, warnings } = findProblems(text, subject, version, options.strict === true);
  if (isJson) {
    console.result(`${JSON.stringify({ problems: problems.map(toJson), warnings: warnings.map(toJson) })}\n`);
  } else {
    for (const problem of problems) console.result(`${showLine(subject, problem)}\n`);
    for (const warning of warnings) console.warn(showLine(subject, warning));
    if (problems.length === 0) console.say(`${subject}: a valid manifest for Gramine ${version.text}`);
  }
  return problems.length === 0 ? exitCodes.done : exitCodes.failed;
}

interface Findings {
  readonly problems: readonly ManifestProblem[];
  readonly warnings: readonly ManifestProblem[];
}

function findProblems(text: Buffer, subject: string, version: RuntimeVersion, isStrict: boolean): Findings {
  const document = parseToml(text, subject);
  const schema = checkManifest(document, version);
  const start = checkRuntimeRules(document, version);
  return isStrict ? { problems: [...schema, ...start], warnings: [] } : { problems: schema, warnings: start };
}

function showLine(subject: string, problem: ManifestProblem): string {
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
  return `${subject}:${problem.line}:${problem.column}: ${showProblem(problem)}${hint}`;
}

function toJson({ path, line, column, message, hint }: ManifestProblem): object {
  return { key: showPath(path), line, column, message, hint };
}
