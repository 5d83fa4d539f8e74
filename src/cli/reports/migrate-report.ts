import { resolve } from 'node:path';
import { writeFileAtomically } from '../../base/atomic-file.ts';
import { GscError } from '../../base/error.ts';
import type { RuntimeVersion, TomlDocument } from '../../index.ts';
import { showWhole } from '../../manifest/merge.ts';
import {
  isTable,
  type MigrationChange,
  migrateManifest,
  serializeManifest,
  showPath,
  showVersion,
  valueAt,
} from '../../tools.ts';
import type { CommandContext } from '../options/command-context.ts';
import { exitCodes } from '../terminal/failure.ts';
import { problemToJson, showLine } from './problem-lines.ts';

export interface MigrationRequest {
  readonly document: TomlDocument;
  /** The bytes that the document was parsed from. */
  readonly text: Buffer;
  readonly version: RuntimeVersion;
  /** A file that is not there yet; standard output if undefined. */
  readonly output: string | undefined;
}

/**
 * Prints a manifest as the release wants it, and says what was rewritten. Exit code 1 if something is left that the release
 * does not accept; the manifest is written all the same.
 */
export async function printMigration(context: CommandContext, request: MigrationRequest): Promise<number> {
  const { host, console, isJson } = context;
  const { document, version, output } = request;
  const { root, changes, left } = migrateManifest(document, version, 'port');
  if (version.family === 'graphene') throw ofGraphene(version);
  const manifest = `${droppedComments(request, changes)}${serializeManifest(root)}`;
  for (const { path, message } of changes) console.say(`${document.subject}: ${showPath(path)}: ${message}`);
  if (changes.length === 0)
    console.say(`${document.subject}: nothing to rewrite for ${showVersion(version)}`);
  for (const problem of left) console.warn(showLine(document.subject, problem));
  if (hasComments(request)) console.warn('comments are not kept');
  if (output !== undefined) {
    await writeFileAtomically(resolve(host.workingDirectory, output), manifest, { existing: 'refuse' });
    console.say(`written to ${output}`);
  }
  if (isJson) {
    const shown = changes.map(({ path, message }) => ({ key: showPath(path), message }));
    console.result(`${JSON.stringify({ manifest, changes: shown, left: left.map(problemToJson) })}\n`);
  } else if (output === undefined) console.result(manifest);
  return left.length === 0 ? exitCodes.done : exitCodes.failed;
}

/** A comment for each thing that the release has nothing for, in place of the key. */
function droppedComments(
  { document, version }: MigrationRequest,
  changes: readonly MigrationChange[],
): string {
  const lines = changes.flatMap(({ path, dropped }) => {
    const value = valueAt(document.root, path);
    const shown = value === undefined || isTable(value) ? '' : ` = ${showWhole(value)}`;
    return dropped === undefined ? [] : [`#   ${showPath(path)}${shown}: ${dropped}`];
  });
  return lines.length === 0
    ? ''
    : `# Without an equivalent in ${showVersion(version)}:\n${lines.join('\n')}\n\n`;
}

function ofGraphene(version: RuntimeVersion): GscError {
  return new GscError({
    code: 'usage',
    subject: '--runtime-version',
    message: `expected a release of Gramine to rewrite the manifest for, got ${showVersion(version)}`,
    hint: 'gsc build takes manifests of Graphene as they are',
  });
}

/** A `#` at the start of a line or after a value; inside of texts it is rare, and then this says too much. */
function hasComments({ text }: MigrationRequest): boolean {
  return /(^|[\s\]}"'])#/m.test(text.toString('utf8'));
}
