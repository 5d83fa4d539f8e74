import type { RuntimeVersion } from '../../index.ts';
import { parseManifest } from '../../tools.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { readInput } from '../options/input-file.ts';
import { defaultRuntimeVersion, runtimeVersionOption } from '../options/runtime-version-option.ts';
import { printMigration } from '../reports/migrate-report.ts';

interface Options extends CommonOptions {
  readonly runtimeVersion?: RuntimeVersion;
  readonly output?: string;
}

export const addMigrateManifest: AddCommand = (program, act) => {
  program
    .command('migrate-manifest')
    .summary('rewrite a manifest of an older release')
    .description(
      'Prints a manifest of an older Gramine, or of Graphene in either form, in the form that a current release expects, and reports each change.',
    )
    .argument('[FILE]', 'the manifest; default and -: standard input', '-')
    .addOption(runtimeVersionOption())
    .option('-o, --output <file>', 'the file to write, which must not exist yet')
    .action(act(migrate));
};

async function migrate(context: CommandContext, options: Options, file: string): Promise<number> {
  const text = await readInput(context.host, file, 'manifest');
  const document = parseManifest(text, file === '-' ? 'standard input' : file);
  const version = options.runtimeVersion ?? defaultRuntimeVersion;
  return printMigration(context, { document, text, version, output: options.output });
}
