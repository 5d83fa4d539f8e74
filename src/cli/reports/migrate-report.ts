import { resolve } from 'node:path';
import { writeFileAtomically } from '../../base/atomic-file.ts';
import {
  migrateManifest,
  type RuntimeVersion,
  serializeManifest,
  showPath,
  type TomlDocument,
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
  const { root, changes, left } = migrateManifest(document, version);
  const manifest = serializeManifest(root);
  for (const { path, message } of changes) console.say(`${document.subject}: ${showPath(path)}: ${message}`);
  if (changes.length === 0)
    console.say(`${document.subject}: nothing to rewrite for Gramine ${version.text}`);
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

/** A `#` at the start of a line or after a value; inside of texts it is rare, and then this says too much. */
function hasComments({ text }: MigrationRequest): boolean {
  return /(^|[\s\]}"'])#/m.test(text.toString('utf8'));
}
