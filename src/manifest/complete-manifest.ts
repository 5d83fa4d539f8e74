import type { RuntimeVersion } from '../runtime/version.ts';
import { type ManifestNames, readManifestNames } from './files/access-decision.ts';
import { changeKeys } from './graphene/change-keys.ts';
import { readText } from './graphene/complete-lines.ts';
import { fromGrapheneForm } from './graphene/graphene-form.ts';
import { parseLinesDocument } from './graphene/lines-document.ts';
import { writeGrapheneManifest } from './graphene/write-manifest.ts';
import { serializeManifest } from './toml/serialize.ts';
import { isArray, isTable, parseToml, type TomlTable, type TomlValue, valueAt } from './toml/toml.ts';

/**
 * A manifest with defaults, trusted files and hashes, in Gramine's form whatever the release. One value from its composing to its
 * signing: what is derived from it is derived once.
 */
export class CompleteManifest {
  readonly root: TomlTable;
  readonly #version: RuntimeVersion;
  #bytes: Buffer | undefined;
  #names: ManifestNames | undefined;

  /** `version` is that of the runtime which reads it. */
  constructor(root: TomlTable, version: RuntimeVersion) {
    this.root = root;
    this.#version = version;
  }

  /** Reads one that an image holds, signed or not. Throws a `manifest` error, which names `subject`, for what cannot be read. */
  static parse(content: Uint8Array, subject: string, version: RuntimeVersion): CompleteManifest {
    const manifest = new CompleteManifest(readRoot(content, subject, version), version);
    manifest.#bytes = Buffer.from(content);
    return manifest;
  }

  /** With other values of keys of `sgx`. In the text of Graphene's form all else stays as it is. */
  withSgxKeys(values: ReadonlyMap<string, TomlValue>): CompleteManifest {
    const version = this.#version;
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
    this.#bytes ??= Buffer.from(
      this.#version.family === 'graphene'
        ? writeGrapheneManifest(this.root, this.#version.release)
        : serializeManifest(this.root),
    );
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

function readRoot(content: Uint8Array, subject: string, version: RuntimeVersion): TomlTable {
  if (version.family === 'gramine') return parseToml(content, subject).root;
  const document =
    version.release === '1.2-rc1'
      ? parseToml(content, subject)
      : parseLinesDocument(readText(content, subject), subject);
  return fromGrapheneForm(document, version.release);
}
