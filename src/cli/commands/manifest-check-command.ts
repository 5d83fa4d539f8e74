import { GscError } from '../../base/error.ts';
import { migrateManifest } from '../../manifest/migrate/migrate.ts';
import { checkManifest } from '../../manifest/schema/check.ts';
import type { ManifestProblem } from '../../manifest/schema/problem.ts';
import { checkRuntimeRules } from '../../manifest/schema/runtime-rules.ts';
import { parseToml, showPath, type TomlDocument } from '../../manifest/toml/toml.ts';
import type { RuntimeVersion } from '../../runtime/version.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { readInput } from '../options/input-file.ts';
import { defaultRuntimeVersion, runtimeVersionOption } from '../options/runtime-version-option.ts';
import { printMigration } from '../reports/migrate-report.ts';
import { problemToJson, showLine } from '../reports/problem-lines.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions {
  readonly runtimeVersion?: RuntimeVersion;
  readonly strict?: boolean;
  readonly migrate?: boolean;
  readonly output?: string;
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
    .option('--migrate', 'print the manifest with old keys rewritten; say each change')
    .option('-o, --output <file>', 'with --migrate: write it there, if there is no such file yet')
    .action(act(manifestCheck));
};

async function manifestCheck(context: CommandContext, options: Options, file: string): Promise<number> {
  const { host, console, isJson } = context;
  const subject = file === '-' ? 'standard input' : file;
  const version = options.runtimeVersion ?? defaultRuntimeVersion;
  const text = await readInput(host, file, 'manifest');
  const document = parseToml(text, subject);
  const { migrate = false, output } = options;
  if (migrate) return printMigration(context, { document, text, version, output });
  if (output !== undefined) throw outputWithoutMigrate();
  const { problems, warnings } = findProblems(document, version, options.strict === true);
  if (isJson) {
    console.result(
      `${JSON.stringify({ problems: problems.map(problemToJson), warnings: warnings.map(problemToJson) })}\n`,
    );
  } else {
    for (const problem of problems) console.result(`${showLine(subject, problem)}\n`);
    for (const warning of warnings) console.warn(showLine(subject, warning));
    if (problems.length === 0) console.say(`${subject}: a valid manifest for Gramine ${version.text}`);
    else sayIfOld(context, document, version);
  }
  return problems.length === 0 ? exitCodes.done : exitCodes.failed;
}

interface Findings {
  readonly problems: readonly ManifestProblem[];
  readonly warnings: readonly ManifestProblem[];
}

function findProblems(document: TomlDocument, version: RuntimeVersion, isStrict: boolean): Findings {
  const schema = checkManifest(document, version);
  const start = checkRuntimeRules(document, version);
  return isStrict ? { problems: [...schema, ...start], warnings: [] } : { problems: schema, warnings: start };
}

function sayIfOld({ console }: CommandContext, document: TomlDocument, version: RuntimeVersion): void {
  const { changes } = migrateManifest(document, version);
  if (changes.length === 0) return;
  const keys = [...new Set(changes.map(({ path }) => showPath(path)))];
  console.say(`gsc manifest-check --migrate rewrites what is of another release: ${keys.join(', ')}`);
}

function outputWithoutMigrate(): GscError {
  return new GscError({
    code: 'usage',
    subject: '--output',
    message: 'there is something to write only with --migrate',
    hint: 'add --migrate, or leave --output out',
  });
}
