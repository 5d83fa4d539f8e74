import { GscError } from '../base/error.ts';
import { isAtLeast, type RuntimeVersion } from '../runtime/version.ts';
import { expandTrustedFiles } from './files/expand-trusted-files.ts';
import type { FileAccess } from './files/file-access.ts';
import { addDefaults, type DefaultsOptions, tableOf, withKey } from './schema/defaults.ts';
import { textOfFileUri } from './schema/file-uri.ts';
import { showPlace } from './schema/problem.ts';
import { type SerializeOptions, serializeManifest } from './toml/serialize.ts';
import { type KeyPath, parseToml, showPath, type TomlTable } from './toml/toml.ts';

export interface PrepareOptions extends DefaultsOptions, Partial<SerializeOptions> {
  /** The manifest: TOML in UTF-8, complete or not. */
  readonly text: string | Uint8Array;
  /** What messages call it: the file's name. */
  readonly subject: string;
  readonly version: RuntimeVersion;
  /** Where trusted files are looked up. */
  readonly files: FileAccess;
  /** Where `loader.entrypoint.uri` is looked up, which Gramine does on the host even with a chroot. */
  readonly hostFiles: FileAccess;
}

/** A manifest as it is measured. */
export interface PreparedManifest {
  readonly root: TomlTable;
  /** The text of the `.manifest.sgx` file. */
  readonly text: string;
  readonly warnings: readonly string[];
}

/**
 * Does what gramine-sgx-sign does before it measures: parses, adds defaults, expands and hashes trusted files, and
 * writes the `.manifest.sgx` text, byte for byte as the tool does. Does not validate, as the tool does not. Throws
 * `manifest` errors for the text, `not-found` and `unreadable` ones for files.
 */
export async function prepareManifest(options: PrepareOptions): Promise<PreparedManifest> {
  const { version, subject } = options;
  const document = parseToml(options.text, subject);
  const showKey = (path: KeyPath): string => showPlace(document, path);
  const { root, warnings } = addDefaults(document.root, version, options);
  const expanded = await expandTrustedFiles(root, version, options.files, showKey);
  const complete = isAtLeast(version.release, '1.8')
    ? await addEntrypointHash(expanded, options.hostFiles, showKey)
    : expanded;
  const text = serializeManifest(complete, { layout: options.layout ?? 'genuine' });
  return { root: complete, text, warnings };
}

/**
 * Adds `loader.entrypoint.sha256`, the hash of the library OS, unless it is there. Releases from 1.8 on. Throws a
 * `manifest` error if `loader.entrypoint.uri` is missing or no `file:` URI, `not-found` or `unreadable` for its file.
 */
export async function addEntrypointHash(
  root: TomlTable,
  hostFiles: FileAccess,
  showKey: (path: KeyPath) => string = showPath,
): Promise<TomlTable> {
  const loader = tableOf(root, 'loader');
  const entrypoint = tableOf(loader, 'entrypoint', ['loader']);
  if (entrypoint.has('sha256')) return root;
  const uri = entrypoint.get('uri');
  const path = textOfFileUri(uri);
  if (path === undefined) {
    throw new GscError({
      code: 'manifest',
      subject: showKey(['loader', 'entrypoint', 'uri']),
      message: `expected the URI of libsysdb.so, starting with file:, got ${uri === undefined ? 'none' : JSON.stringify(String(uri))}`,
      hint: 'write loader.entrypoint.uri = "file:…/libsysdb.so"',
    });
  }
  const sha256 = await hostFiles.hash(await hostFiles.find(path));
  return withKey(root, 'loader', withKey(loader, 'entrypoint', withKey(entrypoint, 'sha256', sha256)));
}
