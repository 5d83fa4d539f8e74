import { checkEvidence, type EvidenceCheck, findEvidence } from '../../attest.ts';
import { GscError } from '../../base/error.ts';
import { escapeControls } from '../../base/printable-text.ts';
import type { AttachedEvidence, EvidenceKey, OpenedImage } from '../../index.ts';
import { parseReference } from '../../parts.ts';
import { choiceArgument } from '../options/choice-option.ts';
import type { AddCommand, CommandContext, CommonOptions } from '../options/command-context.ts';
import { publicEvidenceKey } from '../options/evidence-key.ts';
import { addStoreOptions, type StoreOptions } from '../options/store-options.ts';
import { exitCodes } from '../terminal/failure.ts';

interface Options extends CommonOptions, StoreOptions {
  readonly evidenceKey?: string;
}

export const addEvidence: AddCommand = (program, act) => {
  const command = program
    .command('evidence')
    .summary('list or show what is attached to an image about its build')
    .description(
      'Lists the sigstore bundles attached to an image in a registry or an OCI layout, or shows and checks their statements.',
    )
    .addArgument(
      choiceArgument('ACTION', 'ls: a line for each; show: the statements, and how they stand to the image', [
        'ls',
        'show',
      ]),
    )
    .argument('IMAGE', 'an image in a registry or an OCI layout')
    .option('--evidence-key <file>', 'show: the public key that must have signed, PEM')
    .action(act(evidenceCommand));
  addStoreOptions(command);
};

async function evidenceCommand(
  context: CommandContext,
  { evidenceKey }: Options,
  action: string,
  imageText: string,
): Promise<number> {
  if (action === 'ls' && evidenceKey !== undefined) throw keyWithList();
  const key = evidenceKey === undefined ? undefined : await publicEvidenceKey(context.host, evidenceKey);
  const opened = await context.images.open(parseReference(imageText));
  const found = await findEvidence(context.images, opened);
  if (found.length === 0) context.console.say('no evidence is attached to this image');
  return action === 'ls' ? list(context, found) : show(context, { found, opened, key });
}

function list({ console, isJson }: CommandContext, found: readonly AttachedEvidence[]): number {
  const rows = found.map((attached) => ({
    digest: attached.referrer.descriptor.digest,
    predicate_type: 'evidence' in attached ? attached.evidence.statement.predicateType : null,
    key: 'evidence' in attached ? (attached.evidence.keyHint ?? null) : null,
    ...('problem' in attached && { problem: attached.problem.detail }),
  }));
  const lines = rows.map(
    ({ digest, predicate_type: type, problem }) => `${digest}  ${type ?? `unreadable: ${problem}`}\n`,
  );
  console.result(isJson ? `${JSON.stringify(rows)}\n` : escapeControls(lines.join('')));
  return exitCodes.done;
}

interface Shown {
  readonly found: readonly AttachedEvidence[];
  readonly opened: OpenedImage;
  readonly key: EvidenceKey | undefined;
}

/**
 * Exit code 0 if all that counts is fine: all evidence, or with a key what that key has signed, which there must be. Evidence by
 * other keys does not count then.
 */
async function show({ console, isJson }: CommandContext, { found, opened, key }: Shown): Promise<number> {
  const rows = [];
  for (const attached of found) {
    const { digest } = attached.referrer.descriptor;
    const checks =
      'evidence' in attached
        ? await checkEvidence(attached.evidence, opened.image, key)
        : [{ name: 'bundle', result: 'failed', detail: attached.problem.detail } as const];
    const statement = 'evidence' in attached ? attached.evidence.statement.json : null;
    rows.push({ digest, checks, statement });
  }
  console.result(isJson ? `${JSON.stringify(rows)}\n` : escapeControls(rows.map(showEvidence).join('\n')));
  const counting = rows.filter(
    ({ checks }) =>
      key === undefined || checks.some(({ name, result }) => name === 'signature' && result === 'ok'),
  );
  const isFine = counting.every(({ checks }) => checks.every(({ result }) => result !== 'failed'));
  return isFine && (key === undefined || counting.length > 0) ? exitCodes.done : exitCodes.failed;
}

function showEvidence({
  digest,
  checks,
  statement,
}: {
  readonly digest: string;
  readonly checks: readonly (Pick<EvidenceCheck, 'result' | 'detail'> & { readonly name: string })[];
  readonly statement: unknown;
}): string {
  const lines = checks.map(
    ({ name, result, detail }) => `  ${name.padEnd(10)} ${result.padEnd(12)} ${detail}\n`,
  );
  const text = statement === null ? '' : `${JSON.stringify(statement, null, 2)}\n`;
  return `${digest}\n${lines.join('')}${text}`;
}

function keyWithList(): GscError {
  return new GscError({
    code: 'usage',
    subject: 'gsc evidence ls',
    message: '--evidence-key is for gsc evidence show',
    hint: 'write gsc evidence show IMAGE --evidence-key KEY',
  });
}
