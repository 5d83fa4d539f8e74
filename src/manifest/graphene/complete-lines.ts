import { basename } from 'node:path';
import { GscError } from '../../base/error.ts';
import { isAtLeast, type Release } from '../../runtime/version.ts';
import { textOfFileUri } from '../schema/file-uri.ts';
import { type ManifestLines, parseLines, writeSignedLines } from './manifest-lines.ts';
import { type HashOf, pathInUri } from './trusted-hashes.ts';

/** What a manifest of lines is completed with. */
export interface LineCompletion {
  /** What messages call the manifest. */
  readonly subject: string;
  readonly release: Release;
  /** The file that the SIGSTRUCT goes to: its last component is what the loader looks for. */
  readonly sigfile: string;
  /** The path of the executable, which is measured; absent if the manifest names none. */
  readonly executable?: string;
  /** True if the PAL or the executable is linked to a fixed address. */
  readonly hasFixedAddress: boolean;
  readonly hashOf: HashOf;
  /** The MRENCLAVE (hex) in the `.sig` file of a child, by its cleaned path. */
  readonly mrEnclaveOf: (path: string) => Promise<string>;
}

const prefixes = {
  files: 'sgx.trusted_files.',
  checksums: 'sgx.trusted_checksum.',
  children: 'sgx.trusted_children.',
  measurements: 'sgx.trusted_mrenclave.',
} as const;

/**
 * Does what `pal-sgx-sign` does before it measures: adds defaults, hashes and the measurements of children, and writes the
 * `.manifest.sgx` text. Throws `manifest` errors, and what the files throw.
 */
export async function completeLines(lines: ManifestLines, options: LineCompletion): Promise<string> {
  const values = new Map(lines.values);
  const setDefault = (key: string, value: string) => {
    if (!values.has(key)) values.set(key, value);
  };
  setDefault('sgx.sigfile', `file:${basename(options.sigfile)}`);
  setDefault('sgx.enclave_size', '256M');
  setDefault('sgx.thread_num', '4');
  setDefault('sgx.isvprodid', '0');
  setDefault('sgx.isvsvn', '0');
  for (const [id, sha256] of await hashTrusted(lines, options))
    values.set(`${prefixes.checksums}${id}`, sha256);
  for (const [id, uri] of entriesBelow(lines.values, prefixes.children)) {
    values.set(`${prefixes.measurements}${id}`, await options.mrEnclaveOf(sigPathOf(uri)));
  }
  setDefault('sgx.static_address', options.hasFixedAddress ? '1' : '0');
  setDefault('sgx.allow_file_creation', '0');
  setDefault('sgx.enable_stats', '0');
  if (isAtLeast(options.release, '1.1')) setDefault('sgx.zero_heap_on_demand', '0');
  return writeSignedLines(lines, values);
}

/**
 * The executable that a manifest names, relative to the manifest's own directory; undefined if it names none. Throws a
 * `manifest` error for what is not a `file:` URI.
 */
export function executableOf({ values }: ManifestLines, subject: string): string | undefined {
  const uri = values.get('loader.exec');
  if (uri === undefined) return undefined;
  const path = textOfFileUri(uri);
  if (path !== undefined) return path;
  throw problem(
    `${subject}: loader.exec`,
    `expected a URI that starts with file:, got ${JSON.stringify(uri)}`,
  );
}

/** The file of the SIGSTRUCT that a manifest names, cleaned; undefined if it leaves that to the signer. */
export function sigfileOf({ values }: ManifestLines): string | undefined {
  const uri = values.get('sgx.sigfile');
  return uri === undefined ? undefined : pathInUri(uri);
}

/** The lines of a manifest. Throws a `manifest` error for bytes that are not UTF-8. */
export function readLines(content: string | Uint8Array, subject: string): ManifestLines {
  return parseLines(readText(content, subject));
}

/** The text of a manifest's bytes. Throws a `manifest` error for bytes that are not UTF-8. */
export function readText(content: string | Uint8Array, subject: string): string {
  if (typeof content === 'string') return content;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (cause) {
    throw new GscError({
      code: 'manifest',
      subject,
      message: 'expected UTF-8, got a byte that is not part of it',
      hint: 'save the file in the UTF-8 encoding',
      cause,
    });
  }
}

async function hashTrusted(
  { values }: ManifestLines,
  { executable, hashOf, subject }: LineCompletion,
): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  const add = async (id: string, key: string, path: string) => {
    if (hashes.has(id))
      throw problem(`${subject}: ${key}`, `the ID ${id} stands for another file already`, idHint);
    hashes.set(id, await hashOf({ id, path, place: `${subject}: ${key}` }));
  };
  if (executable !== undefined) await add('exec', 'loader.exec', pathInUri(executable));
  for (const [index, uri] of (values.get('loader.preload')?.split(',') ?? []).entries()) {
    await add(`preload${index}`, 'loader.preload', pathInUri(uri));
  }
  for (const [id, uri] of entriesBelow(values, prefixes.files)) {
    await add(id, `${prefixes.files}${id}`, pathInUri(uri));
  }
  return hashes;
}

const idHint = 'exec and preload0, preload1, … are taken; give the entry another ID';

function entriesBelow(
  values: ReadonlyMap<string, string>,
  prefix: string,
): readonly (readonly [string, string])[] {
  return [...values].flatMap(([key, value]) =>
    key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
  );
}

function sigPathOf(uri: string): string {
  const path = pathInUri(uri);
  return path.endsWith('.sig') ? path : `${path}.sig`;
}

function problem(subject: string, message: string, hint?: string): GscError {
  return new GscError({ code: 'manifest', subject, message, ...(hint && { hint }) });
}
