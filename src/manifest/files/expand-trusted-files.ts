import { GscError } from '../../base/error.ts';
import { isAtLeast, type RuntimeVersion } from '../../runtime/version.ts';
import { tableOf, withKey } from '../schema/defaults.ts';
import { fileUriOfText, textOfFileUri } from '../schema/file-uri.ts';
import { showValue } from '../schema/problem.ts';
import { isArray, isTable, type KeyPath, showPath, type TomlTable, type TomlValue } from '../toml/toml.ts';
import { mapInBatches } from './batch.ts';
import { type FileAccess, type FoundFile, pathlibForm } from './file-access.ts';

/** Says where in the user's text a key stands, for messages. */
export type ShowPlace = (path: KeyPath) => string;

/**
 * Replaces `sgx.trusted_files` by a table `{ uri, sha256 }` per file: directories become the files below them,
 * missing hashes are computed, repeated URIs are dropped. By the rules of the release's own signer: from 1.6 on URIs of
 * single files stay as written and different hashes of one URI are an error, before that URIs are normalised and the
 * first hash counts. Throws `manifest`, `not-found` and `unreadable` errors that name the entry.
 */
export async function expandTrustedFiles(
  root: TomlTable,
  version: RuntimeVersion,
  files: FileAccess,
  showPlace: ShowPlace = showPath,
): Promise<TomlTable> {
  const sgx = tableOf(root, 'sgx');
  const areUrisKept = isAtLeast(version.release, '1.6');
  const rules: Rules = { areUrisKept, files, showPlace, listed: new Set() };
  const found = new Map<string, Trusted>();
  const lookedUp = await mapInBatches(readEntries(sgx, showPlace), (value, index) =>
    lookUpEntry(value, ['sgx', 'trusted_files', index], rules),
  );
  for (const each of lookedUp) {
    if ('error' in each) throw each.error;
    for (const trusted of await expandEntry(each, rules)) addTrusted(found, trusted, rules);
  }
  const entries = await hashEntries([...found.values()], rules);
  return withKey(root, 'sgx', withKey(sgx, 'trusted_files', entries));
}

interface Rules {
  readonly areUrisKept: boolean;
  readonly files: FileAccess;
  readonly showPlace: ShowPlace;
  /** Directories whose files are listed already: entries may repeat, or be inside, each other. */
  readonly listed: Set<string>;
}

interface Entry {
  readonly uri: string;
  readonly sha256: string | undefined;
  readonly place: KeyPath;
}

interface Trusted extends Entry {
  /** The file on this machine, if it is known already. */
  readonly file: FoundFile | undefined;
}

function readEntries(sgx: TomlTable, showPlace: ShowPlace): readonly TomlValue[] {
  const list = sgx.get('trusted_files') ?? [];
  if (isArray(list)) return list;
  throw new GscError({
    code: 'manifest',
    subject: showPlace(['sgx', 'trusted_files']),
    message: `expected an array, got ${showValue(list)}`,
    hint: 'write it as sgx.trusted_files = ["file:…", "file:…"]',
  });
}

function readEntry(value: TomlValue, place: KeyPath, showPlace: ShowPlace): Entry {
  const fail = (message: string, hint?: string): GscError =>
    new GscError({ code: 'manifest', subject: showPlace(place), message, ...(hint && { hint }) });
  const table = typeof value === 'string' ? new Map([['uri', value]]) : value;
  if (!isTable(table)) throw fail(`expected a URI or a table with a uri, got ${showValue(value)}`);
  const [uri, sha256] = [table.get('uri'), table.get('sha256')];
  if (typeof uri !== 'string') {
    throw fail(`expected a uri, got ${uri === undefined ? 'a table without one' : showValue(uri)}`);
  }
  if (sha256 !== undefined && typeof sha256 !== 'string') {
    throw fail(`expected sha256 as a string, got ${showValue(sha256)}`);
  }
  const unknown = [...table.keys()].find((key) => key !== 'uri' && key !== 'sha256');
  if (unknown !== undefined) throw fail(`expected only uri and sha256, got the key ${unknown} as well`);
  if (textOfFileUri(uri) === undefined) {
    throw fail(`expected a URI that starts with file:, got ${showValue(uri)}`, 'only files can be trusted');
  }
  return { uri, sha256, place };
}

interface LookedUpEntry {
  readonly entry: Entry;
  readonly found: FoundFile;
}

/** An entry's error waits for its turn: of several the first in the list is reported. */
async function lookUpEntry(
  value: TomlValue,
  place: KeyPath,
  rules: Rules,
): Promise<LookedUpEntry | { readonly error: unknown }> {
  try {
    const entry = readEntry(value, place, rules.showPlace);
    const found = await findFile(entry, rules);
    checkKind(entry, found, rules);
    return { entry, found };
  } catch (error) {
    return { error };
  }
}

async function expandEntry({ entry, found }: LookedUpEntry, rules: Rules): Promise<readonly Trusted[]> {
  if (found.kind === 'directory') return expandDirectory(entry, found, rules);
  const uri = rules.areUrisKept ? entry.uri : fileUriOfText(pathlibForm(pathOf(entry.uri)));
  return [{ ...entry, uri, file: found }];
}

/** What the URI leads to; an error on the way gets the entry's place in the manifest. */
async function findFile({ uri, place }: Entry, rules: Rules): Promise<FoundFile> {
  try {
    return await rules.files.find(pathOf(uri));
  } catch (error) {
    if (!(error instanceof GscError)) throw error;
    const { code, subject, detail: message, hint } = error;
    throw new GscError({
      code,
      subject: `${rules.showPlace(place)}: ${subject}`,
      message,
      ...(hint !== undefined && { hint }),
      cause: error,
    });
  }
}

/** A trailing slash says that the URI is a directory: it must be there for directories, and only for them. */
function checkKind(entry: Entry, found: FoundFile, rules: Rules): void {
  const subject = `${rules.showPlace(entry.place)}: ${entry.uri}`;
  const isDirectory = found.kind === 'directory';
  if (entry.uri.endsWith('/') && !isDirectory) {
    throw new GscError({
      code: 'manifest',
      subject,
      message: `expected a directory, since the URI ends with /, got ${found.kind === 'missing' ? 'nothing there' : 'not a directory'}`,
      hint: `write ${entry.uri.replace(/\/+$/, '')} for a file`,
    });
  }
  if (isDirectory && !entry.uri.endsWith('/')) {
    throw new GscError({
      code: 'manifest',
      subject,
      message: 'expected a file, since the URI does not end with /, got a directory',
      hint: `write ${entry.uri}/ for all files below it`,
    });
  }
  if (isDirectory && entry.sha256 !== undefined) {
    throw new GscError({
      code: 'manifest',
      subject,
      message: 'expected no sha256 for a directory, got one',
      hint: 'remove the sha256: each file below the directory gets its own',
    });
  }
  if (found.kind === 'missing' && entry.sha256 === undefined) {
    throw new GscError({
      code: 'not-found',
      subject,
      message: `there is no such file (looked at ${found.hostPath})`,
      hint: 'check the path, or give the sha256 of the file',
    });
  }
}

async function expandDirectory(
  entry: Entry,
  directory: FoundFile,
  rules: Rules,
): Promise<readonly Trusted[]> {
  if (rules.listed.has(directory.listedAs)) return [];
  rules.listed.add(directory.listedAs);
  const parts: (readonly Trusted[])[] = [];
  for (const child of await rules.files.list(directory)) {
    if (child.kind === 'directory') parts.push(await expandDirectory(entry, child, rules));
    // A link is looked up again: only that knows the root which absolute links are relative to.
    else
      parts.push([{ ...entry, uri: fileUriOfText(child.listedAs), file: child.isLink ? undefined : child }]);
  }
  return parts.flat();
}

function addTrusted(found: Map<string, Trusted>, trusted: Trusted, rules: Rules): void {
  const earlier = found.get(trusted.uri);
  if (earlier?.sha256 === undefined) {
    found.set(trusted.uri, trusted);
    return;
  }
  if (!rules.areUrisKept || trusted.sha256 === undefined || trusted.sha256 === earlier.sha256) return;
  throw new GscError({
    code: 'manifest',
    subject: `${rules.showPlace(trusted.place)}: ${trusted.uri}`,
    message: `expected the sha256 of the same file at ${rules.showPlace(earlier.place)}, ${earlier.sha256}, got ${trusted.sha256}`,
    hint: 'remove the wrong one',
  });
}

async function hashEntries(trusted: readonly Trusted[], rules: Rules): Promise<readonly TomlTable[]> {
  const hashes = await mapInBatches(trusted, async (entry) => entry.sha256 ?? hashEntry(entry, rules));
  return trusted.map(
    ({ uri }, index) =>
      new Map([
        ['uri', uri],
        ['sha256', hashes[index] as string],
      ]),
  );
}

async function hashEntry(entry: Trusted, rules: Rules): Promise<string> {
  const file = entry.file ?? (await findFile(entry, rules));
  if (file.kind === 'file') return rules.files.hash(file);
  throw new GscError({
    code: 'not-found',
    subject: `${rules.showPlace(entry.place)}: ${entry.uri}`,
    message: `expected a regular file, got ${kindNames[file.kind]} (looked at ${file.hostPath})`,
    hint: 'trust regular files only, or give the sha256',
  });
}

const kindNames = {
  missing: 'nothing there',
  directory: 'a directory',
  other: 'a device, fifo or socket',
} as const;

function pathOf(uri: string): string {
  return textOfFileUri(uri) ?? uri;
}
