import { isUtf8 } from 'node:buffer';
import { GscError } from '../base/error.ts';
import type { RuntimeVersion } from '../runtime/version.ts';
import { type ManifestNames, readManifestNames } from './files/access-decision.ts';
import { changeKeys } from './graphene/change-keys.ts';
import { readText } from './graphene/complete-lines.ts';
import { fromGrapheneForm } from './graphene/graphene-form.ts';
import { parseLinesDocument } from './graphene/lines-document.ts';
import { writeGrapheneManifest } from './graphene/write-manifest.ts';
import { type InsecureOption, insecureOptions } from './insecure-options.ts';
import { manifestBytes, serializeManifest } from './toml/serialize.ts';
import { isArray, isTable, parseToml, type TomlTable, type TomlValue, valueAt } from './toml/toml.ts';
import { findTrustedFileRun } from './toml/trusted-file-blocks.ts';

/**
 * A manifest with defaults, trusted files and hashes, in Gramine's form whatever the release. One value from its composing to its
 * signing: what is derived from it is derived once.
 */
export class CompleteManifest {
  readonly root: TomlTable;
  /** Of the runtime that reads it. */
  readonly version: RuntimeVersion;
  readonly #written: (() => Buffer | undefined) | undefined;
  #bytes: Buffer | undefined;
  #names: ManifestNames | undefined;

  /** `written`: its bytes, if they are known to be those of {@link bytes}. */
  constructor(root: TomlTable, version: RuntimeVersion, written?: () => Buffer | undefined) {
    this.root = root;
    this.version = version;
    this.#written = written;
  }

  /** Reads one that an image holds, signed or not. Throws a `manifest` error, which names `subject`, for what cannot be read. */
  static parse(content: Uint8Array, subject: string, version: RuntimeVersion): CompleteManifest {
    if (version.family === 'graphene') {
      const root = readGraphene(content, subject, version);
      return new CompleteManifest(root, version, () => Buffer.from(content));
    }
    const quick = readQuickly(content, subject);
    if (quick) return new CompleteManifest(quick.root, version, quick.written);
    return new CompleteManifest(parseToml(content, subject).root, version);
  }

  /** With other values of keys of `sgx`. In the text of Graphene's form all else stays as it is. */
  withSgxKeys(values: ReadonlyMap<string, TomlValue>): CompleteManifest {
    const version = this.version;
    if (version.family === 'graphene') {
      const text = changeKeys(this.bytes.toString('utf8'), values, version.release);
      return CompleteManifest.parse(Buffer.from(text), 'manifest', version);
    }
    const sgx = this.root.get('sgx');
    const changed = new Map([...(isTable(sgx) ? sgx : []), ...values]);
    return new CompleteManifest(new Map(this.root).set('sgx', changed), version);
  }

  /** As it is in the image: Gramine's `.manifest` and `.manifest.sgx` are the same bytes, Graphene's signer completes it. */
  get bytes(): Buffer {
    this.#bytes ??= this.#written?.() ?? writeManifest(this.root, this.version);
    return this.#bytes;
  }

  /** All that weakens the enclave. */
  get insecureOptions(): readonly InsecureOption[] {
    return insecureOptions(this.root, this.version.release);
  }

  /** True if the application gets all variables of the host that the manifest does not set. */
  get takesHostEnvironment(): boolean {
    return this.insecureOptions.some(({ path }) => path.join('.') === 'loader.insecure__use_host_env');
  }

  /** What decides about the names of files. */
  get names(): ManifestNames {
    this.#names ??= readManifestNames(this.root);
    return this.#names;
  }

  get trustedFileCount(): number {
    return listedFiles(this.root).length;
  }
}

function writeManifest(root: TomlTable, version: RuntimeVersion): Buffer {
  if (version.family === 'gramine') return manifestBytes(root);
  return Buffer.from(writeGrapheneManifest(root, version.release));
}

function readGraphene(
  content: Uint8Array,
  subject: string,
  { release }: RuntimeVersion & { readonly family: 'graphene' },
): TomlTable {
  const document =
    release === '1.2-rc1'
      ? parseToml(content, subject)
      : parseLinesDocument(readText(content, subject), subject);
  return fromGrapheneForm(document, release);
}

interface QuicklyRead {
  readonly root: TomlTable;
  readonly written: () => Buffer | undefined;
}

/**
 * What parsing gives, without the parser reading each trusted file; undefined for a text of another form, or no TOML: the whole
 * text is parsed then, so that lines are counted in it.
 */
function readQuickly(content: Uint8Array, subject: string): QuicklyRead | undefined {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const run = isUtf8(bytes) ? findTrustedFileRun(bytes.toString('utf8')) : undefined;
  const shortened = run && parseOrNothing(run.rest, subject);
  const sgx = shortened?.get('sgx');
  const [first, ...others] = shortened ? listedFiles(shortened) : [];
  if (!run || !shortened || !isTable(sgx) || !isSame(first, run.files[0])) return undefined;
  const files = [...run.files, ...others];
  const root = new Map([...shortened, ['sgx', new Map([...sgx, ['trusted_files', files]])]]);
  // The run is as the serializer has it; so is the whole if the rest is.
  return { root, written: () => (serializeManifest(shortened) === run.rest ? bytes : undefined) };
}

function parseOrNothing(text: string, subject: string): TomlTable | undefined {
  try {
    return parseToml(text, subject).root;
  } catch (error) {
    if (error instanceof GscError) return undefined;
    throw error;
  }
}

function listedFiles(root: TomlTable): readonly TomlValue[] {
  const trusted = valueAt(root, ['sgx', 'trusted_files']);
  return isArray(trusted) ? trusted : [];
}

function isSame(parsed: TomlValue | undefined, file: TomlTable | undefined): boolean {
  return (
    isTable(parsed) && parsed.size === 2 && [...parsed].every(([key, value]) => file?.get(key) === value)
  );
}
