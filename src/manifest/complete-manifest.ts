import { isUtf8 } from 'node:buffer';
import { GscError } from '../base/error.ts';
import { type ManifestNames, readManifestNames } from './files/access-decision.ts';
import { serializeManifest } from './toml/serialize.ts';
import { isArray, isTable, parseToml, type TomlTable, type TomlValue, valueAt } from './toml/toml.ts';
import { findTrustedFileRun } from './toml/trusted-file-blocks.ts';

/**
 * A manifest as it is measured: with defaults, trusted files and hashes. One value from its composing to its signing: what is
 * derived from it is derived once.
 */
export class CompleteManifest {
  readonly root: TomlTable;
  readonly #written: (() => Buffer | undefined) | undefined;
  #bytes: Buffer | undefined;
  #names: ManifestNames | undefined;

  /** `written`: its bytes, if they are known to be those that {@link bytes} would give. */
  constructor(root: TomlTable, written?: () => Buffer | undefined) {
    this.root = root;
    this.#written = written;
  }

  /** Reads one that an image holds. Throws a `manifest` error, which names `subject`, for what is not TOML. */
  static parse(content: Uint8Array, subject: string): CompleteManifest {
    return readQuickly(content, subject) ?? new CompleteManifest(parseToml(content, subject).root);
  }

  /** As it is in the image: `.manifest` and `.manifest.sgx` are the same bytes. */
  get bytes(): Buffer {
    this.#bytes ??= this.#written?.() ?? Buffer.from(serializeManifest(this.root));
    return this.#bytes;
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

/**
 * What parsing gives, without the parser reading each trusted file; undefined for a text of another form, or no TOML: the whole
 * text is parsed then, so that lines are counted in it.
 */
function readQuickly(content: Uint8Array, subject: string): CompleteManifest | undefined {
  const bytes = Buffer.from(content);
  const run = isUtf8(bytes) ? findTrustedFileRun(bytes.toString('utf8')) : undefined;
  const shortened = run && parseOrNothing(run.rest, subject);
  const sgx = shortened?.get('sgx');
  const [first, ...others] = shortened ? listedFiles(shortened) : [];
  if (!run || !shortened || !isTable(sgx) || !isSame(first, run.files[0])) return undefined;
  const files = [...run.files, ...others];
  const root = new Map([...shortened, ['sgx', new Map([...sgx, ['trusted_files', files]])]]);
  // The run is as the serializer has it; so is the whole if the rest is.
  return new CompleteManifest(root, () => (serializeManifest(shortened) === run.rest ? bytes : undefined));
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
