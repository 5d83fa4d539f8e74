import { createHash } from 'node:crypto';
import { GscError } from '../../base/error.ts';
import type { FileAccess, FoundFile } from '../files/file-access.ts';
import { tableOf, withKey } from '../schema/defaults.ts';
import { fileUriOfText, textOfFileUri } from '../schema/file-uri.ts';
import { showPlace, showValue } from '../schema/problem.ts';
import type { KeyPath, TomlDocument, TomlTable, TomlValue } from '../toml/toml.ts';
import { writePythonToml } from './python-toml.ts';
import { type HashOf, hashFiles } from './trusted-hashes.ts';

const defaults: readonly (readonly [key: string, value: TomlValue])[] = [
  ['trusted_files', new Map()],
  ['trusted_checksum', new Map()],
  ['enclave_size', '256M'],
  ['thread_num', 4n],
  ['isvprodid', 0n],
  ['isvsvn', 0n],
  ['remote_attestation', false],
  ['debug', true],
  ...['require_avx', 'require_avx512', 'require_mpx', 'require_pkru', 'support_exinfo', 'nonpie_binary'].map(
    (key) => [key, false] as const,
  ),
  ['enable_stats', false],
];

/** A manifest as Graphene v1.2-rc1's signer measures it. */
export interface CompletedToml {
  readonly root: TomlTable;
  readonly text: string;
}

/** Adds what `graphene-sgx-sign` adds where it is missing, each at the end of its table. */
export function addGrapheneDefaults(root: TomlTable): TomlTable {
  const sgx = tableOf(root, 'sgx');
  const complete = new Map([...sgx, ...defaults.filter(([key]) => !sgx.has(key))]);
  const loader = tableOf(root, 'loader');
  return withKey(
    withKey(root, 'sgx', complete),
    'loader',
    loader.has('preload') ? loader : withKey(loader, 'preload', ''),
  );
}

/**
 * Does what `graphene-sgx-sign` (v1.2-rc1) does before it measures: adds defaults, lists the files of trusted directories,
 * adds hashes, and writes the `.manifest.sgx` text. Throws `manifest` errors, and what the files throw.
 */
export async function completeToml(
  document: TomlDocument,
  files: FileAccess,
  hashOf: HashOf = hashFiles(files),
): Promise<CompletedToml> {
  const root = addGrapheneDefaults(document.root);
  const sgx = tableOf(root, 'sgx');
  const uris = new Map<string, TomlValue>();
  const hashes = new Map(tableOf(sgx, 'trusted_checksum', ['sgx']));
  for (const { id, uri, path, place } of await listTrusted(document, root, files)) {
    uris.set(id, uri);
    hashes.set(id, await hashOf({ id, path, place }));
  }
  const listed = withKey(withKey(sgx, 'trusted_files', uris), 'trusted_checksum', hashes);
  const complete = withKey(root, 'sgx', listed);
  return { root: complete, text: writeSignedToml(complete) };
}

/** The text of a completed manifest. */
export function writeSignedToml(root: TomlTable): string {
  return `# DO NOT MODIFY. THIS FILE WAS AUTO-GENERATED.\n\n${writePythonToml(root)}`;
}

interface Listed {
  readonly id: string;
  readonly uri: string;
  readonly path: string;
  readonly place: string;
}

/** The preloaded libraries, then the table's entries; of equal IDs the first place and the last file count. */
async function listTrusted(
  document: TomlDocument,
  root: TomlTable,
  files: FileAccess,
): Promise<readonly Listed[]> {
  const listed = new Map<string, Listed>();
  const preloads = preloadsIn(document, root);
  for (const [index, uri] of preloads.entries()) {
    const place = showPlace(document, ['loader', 'preload']);
    const id = `preload${index}`;
    listed.set(id, { id, uri, path: pathIn(uri, place), place });
  }
  for (const [id, value] of tableOf(tableOf(root, 'sgx'), 'trusted_files', ['sgx'])) {
    const key: KeyPath = ['sgx', 'trusted_files', id];
    const place = showPlace(document, key);
    const uri = textOf(value, place);
    const path = pathIn(uri, place);
    const found = await files.find(path);
    if (found.kind === 'directory') {
      for (const file of await listDirectory(files, found)) {
        const below = createHash('sha256').update(file).digest('hex');
        listed.set(below, { id: below, uri: fileUriOfText(file), path: file, place });
      }
    } else listed.set(id, { id, uri, path, place });
  }
  return [...listed.values()];
}

function preloadsIn(document: TomlDocument, root: TomlTable): readonly string[] {
  const preload = tableOf(root, 'loader').get('preload') ?? '';
  return textOf(preload, showPlace(document, ['loader', 'preload']))
    .split(',')
    .filter((uri) => uri !== '');
}

/** All files below a directory, in the order of their paths' components. */
async function listDirectory(files: FileAccess, directory: FoundFile): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const child of await files.list(directory)) {
    if (child.kind === 'directory') paths.push(...(await listDirectory(files, child)));
    else paths.push(child.listedAs);
  }
  return paths;
}

function textOf(value: TomlValue, place: string): string {
  if (typeof value === 'string') return value;
  throw new GscError({
    code: 'manifest',
    subject: place,
    message: `expected a string, got ${showValue(value)}`,
    hint: 'write it as in "file:/usr/bin/app"',
  });
}

function pathIn(uri: string, place: string): string {
  const path = textOfFileUri(uri);
  if (path !== undefined) return path;
  throw new GscError({
    code: 'manifest',
    subject: place,
    message: `expected a URI that starts with file:, got ${JSON.stringify(uri)}`,
    hint: 'only files can be trusted',
  });
}
