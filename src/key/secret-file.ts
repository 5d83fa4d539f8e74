import { stat } from 'node:fs/promises';
import { GscError } from '../base/error.ts';
import { readUserFile } from '../base/read-file.ts';
import type { Reporter } from '../base/reporter.ts';

/** The first line of a file that holds a passphrase or a PIN, as for `openssl -passin file:`. Warns of a file that others may read. */
export async function readSecretFile(
  path: string,
  what: string,
  reporter: Reporter | undefined,
): Promise<Buffer> {
  const content = await readUserFile(path, what);
  await warnIfShared(path, what, reporter);
  const line = content.subarray(0, lineEnd(content));
  if (line.length > 0) return line;
  throw new GscError({
    code: 'key',
    subject: path,
    message: `expected the ${what} on the first line, got an empty one`,
    hint: `write the ${what} into the file`,
  });
}

function lineEnd(content: Buffer): number {
  const newline = content.indexOf('\n');
  const end = newline < 0 ? content.length : newline;
  return content[end - 1] === 0x0d ? end - 1 : end;
}

/** Warns of a secret file that other users may read. */
export async function warnIfShared(
  path: string,
  what: string,
  reporter: Reporter | undefined,
): Promise<void> {
  const facts = await stat(path).catch(() => undefined);
  if (reporter === undefined || !facts?.isFile() || (facts.mode & 0o044) === 0) return;
  const mode = (facts.mode & 0o777).toString(8).padStart(4, '0');
  reporter.warn(`other users may read the ${what} ${path} (mode ${mode}): chmod 600 ${path}`);
}
