import { Option } from 'commander';
import { GscError } from '../../base/error.ts';
import type { RuntimeVersion, TomlDocument } from '../../index.ts';
import {
  checkManifest,
  checkRuntimeRules,
  findTemplateTexts,
  gramineForm,
  isCompleteManifest,
  locateFindings,
  type ManifestProblem,
  migrateManifest,
  parseManifest as parseToml,
  readUserManifest,
  showPath,
  showVersion,
} from '../../tools.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { readInput } from '../options/input-file.ts';
import { defaultRuntimeVersion, runtimeVersionOption } from '../options/runtime-version-option.ts';
import { printMigration } from '../reports/migrate-report.ts';
import { problemToJson, showLine } from '../reports/problem-lines.ts';
import { exitCodes } from '../terminal/failure.ts';

/** What a manifest is for: `gsc build`, which completes it, or Gramine as it is. */
type Purpose = 'build' | 'complete';
const purposes: readonly Purpose[] = ['build', 'complete'];

interface Options extends CommonOptions {
  readonly for?: Purpose;
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
      'Checks a manifest for gsc build, or against the schema of a Gramine release; warns of what fails only when Gramine starts.',
    )
    .argument('[FILE]', 'the manifest; default and -: standard input', '-')
    .addOption(
      new Option(
        '--for <purpose>',
        'build: gsc build completes it; complete: Gramine gets it as it is (default: complete if nothing is missing)',
      )
        .choices(purposes)
        .conflicts('migrate'),
    )
    .addOption(runtimeVersionOption())
    .option('--strict', 'what Gramine refuses only when it starts is also a problem')
    .option('--migrate', 'the same as gsc migrate-manifest')
    .option('-o, --output <file>', 'with --migrate: the file to write, which must not exist yet')
    .action(act(manifestCheck));
};

async function manifestCheck(context: CommandContext, options: Options, file: string): Promise<number> {
  const subject = file === '-' ? 'standard input' : file;
  const version = options.runtimeVersion ?? defaultRuntimeVersion;
  const text = await readInput(context.host, file, 'manifest');
  const document = gramineForm(parseToml(text, subject), version);
  const { migrate = false, output } = options;
  if (migrate) return printMigration(context, { document, text, version, output });
  if (output !== undefined) throw outputWithoutMigrate();
  const purpose = options.for ?? (isCompleteManifest(document, version) ? 'complete' : 'build');
  const findings =
    purpose === 'build'
      ? findForBuild(document, version)
      : findInComplete(document, version, options.strict === true);
  return report(context, { document, version, purpose, ...findings });
}

interface Findings {
  readonly problems: readonly ManifestProblem[];
  readonly warnings: readonly ManifestProblem[];
  /** What a build rewrites, a sentence each. */
  readonly notes: readonly string[];
}

function findForBuild(document: TomlDocument, version: RuntimeVersion): Findings {
  const { problems, notes } = readUserManifest(document, version);
  return { problems, warnings: [], notes };
}

function findInComplete(document: TomlDocument, version: RuntimeVersion, isStrict: boolean): Findings {
  const schema = checkManifest(document, version);
  const start = [
    ...checkRuntimeRules(document, version),
    ...locateFindings(document, findTemplateTexts(document.root)),
  ];
  return isStrict
    ? { problems: [...schema, ...start], warnings: [], notes: [] }
    : { problems: schema, warnings: start, notes: [] };
}

interface Report extends Findings {
  readonly document: TomlDocument;
  readonly version: RuntimeVersion;
  readonly purpose: Purpose;
}

function report(context: CommandContext, found: Report): number {
  const { console, isJson } = context;
  const { document, version, purpose, problems, warnings, notes } = found;
  const { subject } = document;
  const code = problems.length === 0 ? exitCodes.done : exitCodes.failed;
  if (isJson) {
    const shown = { problems: problems.map(problemToJson), warnings: warnings.map(problemToJson) };
    console.result(`${JSON.stringify({ for: purpose, ...shown, notes })}\n`);
    return code;
  }
  for (const problem of problems) console.result(`${showLine(subject, problem)}\n`);
  for (const warning of warnings) console.warn(showLine(subject, warning));
  for (const note of notes) console.warn(note);
  const user = purpose === 'build' ? 'gsc build with ' : '';
  if (problems.length === 0) console.say(`${subject}: a valid manifest for ${user}${showVersion(version)}`);
  else if (purpose === 'complete') sayIfOld(context, document, version);
  return code;
}

function sayIfOld({ console }: CommandContext, document: TomlDocument, version: RuntimeVersion): void {
  const { changes } = migrateManifest(document, version);
  if (changes.length === 0) return;
  const keys = [...new Set(changes.map(({ path }) => showPath(path)))];
  console.say(`gsc migrate-manifest rewrites keys of another release: ${keys.join(', ')}`);
}

function outputWithoutMigrate(): GscError {
  return new GscError({
    code: 'usage',
    subject: '--output',
    message: '--output is only for --migrate',
    hint: 'add --migrate, or remove --output',
  });
}
