import { resolve } from 'node:path';
import { Argument, Option } from 'commander';
import { collateralQueryOf } from '../../attest/collateral-query.ts';
import { type CollateralQuery, fetchCollateral, intelPcs, parseQuote } from '../../attest.ts';
import { writeDirectory } from '../../base/atomic-directory.ts';
import { GscError } from '../../base/error.ts';
import { collateralFiles } from '../../collateral/collateral-files.ts';
import { isUrl } from '../../collateral/fetch-collateral.ts';
import { serviceGetter } from '../../collateral/service-getter.ts';
import { parseFmspc } from '../options/attest-options.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { readInput } from '../options/input-file.ts';
import { repeatable } from '../options/repeatable.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions {
  readonly fmspc?: string;
  readonly quote?: string;
  readonly ca?: 'processor' | 'platform';
  readonly from: string;
  readonly output?: string;
  readonly caFile?: readonly string[];
}

export const addCollateral: AddCommand = (program, act) => {
  program
    .command('collateral')
    .summary('fetch collateral and keep it for gsc attest')
    .description(
      'Fetches what Intel says about a kind of platform (TCB info, QE identity, revocation lists), to attest later without a network.',
    )
    .addArgument(new Argument('ACTION', 'get: fetch and save').choices(['get']))
    .option('--fmspc <hex>', 'the kind of platform, 6 bytes', parseFmspc)
    .option('--quote <file>', 'take the kind of platform from a quote; - is standard input')
    .addOption(
      new Option(
        '--ca <authority>',
        'only the revocation list of this authority; default: both, or that of the quote',
      ).choices(['processor', 'platform']),
    )
    .option('--from <url>', 'a PCCS or PCS', intelPcs)
    .option('-o, --output <dir>', 'the directory to write, which must not exist or be empty')
    .option('--ca-file <file>', 'certificate authority of the service, PEM (repeatable)', repeatable)
    .action(act(getCollateral));
};

async function getCollateral(context: CommandContext, options: Options, _action: string): Promise<number> {
  const { host, console, isJson } = context;
  checkOptions(options);
  const query = await readQuery(context, options);
  const raw = await fetchCollateral(options.from, query, await serviceGetter(host, options.caFile ?? []));
  const files = collateralFiles(raw);
  const directory = resolve(host.workingDirectory, options.output as string);
  await writeDirectory(directory, files);
  const names = files.map(({ path }) => path);
  console.result(
    isJson
      ? `${JSON.stringify({ directory, fmspc: query.fmspc.toLowerCase(), files: names })}\n`
      : `${directory}: ${names.length} files for FMSPC ${query.fmspc.toLowerCase()}\n`,
  );
  return exitCodes.done;
}

function checkOptions({ fmspc, quote, from, output }: Options): void {
  const problem =
    ((fmspc === undefined) === (quote === undefined) && 'expected one of --fmspc and --quote') ||
    (output === undefined && 'expected --output, the directory to write') ||
    (!isUrl(from) && `expected an address that begins with https:// or http:// after --from, got ${from}`);
  if (!problem) return;
  throw new GscError({
    code: 'usage',
    subject: 'gsc collateral get',
    message: problem,
    hint: 'write it as in gsc collateral get --quote quote.bin -o collateral',
  });
}

async function readQuery({ host }: CommandContext, options: Options): Promise<CollateralQuery> {
  const { fmspc, quote, ca } = options;
  if (fmspc !== undefined) return { fmspc, cas: ca === undefined ? ['processor', 'platform'] : [ca] };
  const bytes = await readInput(host, quote as string, 'quote');
  parseQuote(bytes, quote as string);
  const query = collateralQueryOf(bytes, undefined, quote as string);
  return ca === undefined ? query : { ...query, cas: [ca] };
}
