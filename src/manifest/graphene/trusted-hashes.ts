import { GscError } from '../../base/error.ts';
import type { FileAccess, FoundFile } from '../files/file-access.ts';
import { textOfFileUri } from '../schema/file-uri.ts';

/** Gives the SHA-256 of what a manifest trusts under a key: `exec`, `preload0`, an ID of `sgx.trusted_files`. */
export type HashOf = (trusted: TrustedUri) => Promise<string>;

export interface TrustedUri {
  /** The ID under which the hash stands in `sgx.trusted_checksum`. */
  readonly id: string;
  /** The file's path, cleaned as the signer does. */
  readonly path: string;
  /** What messages call the entry. */
  readonly place: string;
}

/** Hashes the files themselves. Throws a `not-found` error for what is not a file. */
export function hashFiles(files: FileAccess): HashOf {
  return async ({ path, place }) => files.hash(checkFile(await files.find(path), place));
}

function checkFile(file: FoundFile, place: string): FoundFile {
  if (file.kind === 'file') return file;
  throw new GscError({
    code: 'not-found',
    subject: place,
    message: `expected a file, got ${file.kind === 'directory' ? 'a directory' : 'nothing there'} (looked at ${file.hostPath})`,
    hint:
      file.kind === 'directory'
        ? 'name the files below it one by one'
        : 'check the path: relative ones are relative to the current directory',
  });
}

/** A path as Python's `os.path.normpath` has it: textual, `..` taken together, exactly two leading slashes kept. */
export function normalizePath(path: string): string {
  const leading = /^\/*/.exec(path)?.[0].length ?? 0;
  const root = leading === 2 ? '//' : leading > 0 ? '/' : '';
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..' || kept.at(-1) === '..' || (kept.length === 0 && root === '')) kept.push(part);
    else kept.pop();
  }
  return `${root}${kept.join('/')}` || '.';
}

/** The path of a URI, cleaned; what is not a `file:` URI is taken for a path. */
export function pathInUri(uri: string): string {
  return normalizePath(textOfFileUri(uri) ?? uri);
}
