import { resolve } from 'node:path';
import { checkReplaceable } from '../../base/atomic-file.ts';
import { parseReference } from '../../parts.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { groupOptions } from '../options/option-groups.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { addVerifyOptions, readVerifyOptions, type VerifyOptions } from '../options/verify-options.ts';
import { makePage, pageFacts, sayFailures, writePage } from '../reports/image-page.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions, StoreOptions, VerifyOptions {
  readonly output?: string;
}

export const addReport: AddCommand = (program, act) => {
  const command = program
    .command('report')
    .summary('write a page that says what a graminized image is')
    .description(
      'Writes one HTML page about a graminized image: what runs, its files, data and memory, what weakens it, and the checks of gsc verify-image.',
    )
    .argument('IMAGE', 'the graminized image, signed or not')
    .option('-o, --output <file>', 'the page; default, and with -: standard output');
  addVerifyOptions(command)
    // As for gsc verify-image: what is reported is what lies there now.
    .setOptionValue('cache', false)
    .action(act(report));
  addStoreOptions(command);
  groupOptions(command);
};

async function report(context: CommandContext, options: Options, imageText: string): Promise<number> {
  const { host, console, images, isJson } = context;
  const { output = '-' } = options;
  const file = output === '-' ? undefined : output;
  if (file !== undefined) await checkReplaceable(resolve(host.workingDirectory, file));
  const inputs = await readVerifyOptions(context, options, 'report');
  const opened = await images.open(parseReference(imageText));
  const made = await makePage(context, opened, { inputs });
  if (file !== undefined) await writePage(context, file, made.page);
  sayFailures(context, made.report);
  const facts = { report: file ?? null, ...pageFacts(made.report) };
  if (isJson)
    console.result(`${JSON.stringify({ ...facts, ...(file === undefined && { page: made.page }) })}\n`);
  else console.result(file === undefined ? made.page : `${file}\n`);
  return exitCodes.done;
}
