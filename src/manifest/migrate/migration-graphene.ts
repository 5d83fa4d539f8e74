import { isTable, type TomlValue } from '../toml/toml.ts';
import { type Draft, peek, put, take } from './migration-draft.ts';

const singular: readonly (readonly [one: string, many: string])[] = [
  ['trusted_file', 'trusted_files'],
  ['allowed_file', 'allowed_files'],
  ['protected_file', 'protected_files'],
];

/** `sgx.trusted_file.ID`, as documents of the first GSC have it. */
export function migrateSingularNames(draft: Draft): void {
  for (const [one, many] of singular) {
    const [given, listed] = [peek(draft, ['sgx', one]), peek(draft, ['sgx', many])];
    if (!isTable(given) || (listed !== undefined && !isTable(listed))) continue;
    take(draft, ['sgx', one]);
    put(draft, ['sgx', many], new Map([...(listed ?? []), ...given]));
    draft.report(['sgx', one], `became sgx.${many}`, ['sgx', many]);
  }
}

/** The hashes of a signed manifest of Graphene stand in a table of their own, under the IDs of the files. */
export function attachChecksums(draft: Draft): void {
  const [files, hashes] = [peek(draft, ['sgx', 'trusted_files']), peek(draft, ['sgx', 'trusted_checksum'])];
  if (!isTable(files) || !isTable(hashes)) return;
  const attached = [...files].map(([id, uri]): readonly [string, TomlValue] => {
    const sha256 = hashes.get(id);
    return typeof uri === 'string' && typeof sha256 === 'string'
      ? [
          id,
          new Map([
            ['uri', uri],
            ['sha256', sha256],
          ]),
        ]
      : [id, uri];
  });
  put(draft, ['sgx', 'trusted_files'], new Map(attached));
}
