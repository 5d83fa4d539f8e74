import { type ManifestNames, readManifestNames } from './files/access-decision.ts';
import { serializeManifest } from './toml/serialize.ts';
import { isArray, parseToml, type TomlTable, valueAt } from './toml/toml.ts';

/**
 * A manifest as it is measured: with defaults, trusted files and hashes. One value from its composing to its signing: what is
 * derived from it is derived once.
 */
export class CompleteManifest {
  readonly root: TomlTable;
  #bytes: Buffer | undefined;
  #names: ManifestNames | undefined;

  constructor(root: TomlTable) {
    this.root = root;
  }

  /** Reads one that an image holds. Throws a `manifest` error, which names `subject`, for what is not TOML. */
  static parse(content: Uint8Array, subject: string): CompleteManifest {
    return new CompleteManifest(parseToml(content, subject).root);
  }

  /** As it is in the image: `.manifest` and `.manifest.sgx` are the same bytes. */
  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(serializeManifest(this.root));
    return this.#bytes;
  }

  /** What decides about the names of files. */
  get names(): ManifestNames {
    this.#names ??= readManifestNames(this.root);
    return this.#names;
  }

  get trustedFileCount(): number {
    const trusted = valueAt(this.root, ['sgx', 'trusted_files']);
    return isArray(trusted) ? trusted.length : 0;
  }
}
