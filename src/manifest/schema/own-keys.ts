import type { Release } from '../../runtime/version.ts';
import { isTable, type TomlTable, type TomlValue } from '../toml/toml.ts';
import { uriOf } from './file-uri.ts';
import { hasKey, manifestKeys } from './schema.ts';

/**
 * What gsc itself says about an application, as far as a release has keys for it. `loader.entrypoint` becomes a text where the
 * release has it as one (Gramine 1.4 to 1.7).
 */
export function knownPart(own: TomlTable, release: Release): TomlTable {
  const kept = [...own].map(([table, values]): readonly [string, TomlValue] => {
    if (!isTable(values)) return [table, values];
    const known = [...values].filter(([key]) => hasKey(release, [table, key]));
    return [table, new Map(known.map(([key, value]) => [key, formOf(release, [table, key], value)]))];
  });
  return new Map(kept.filter(([, value]) => !isTable(value) || value.size > 0));
}

function formOf(release: Release, [table, key]: readonly [string, string], value: TomlValue): TomlValue {
  const shape = manifestKeys(release).get(table)?.shape;
  const row = shape?.kind === 'table' ? shape.rows.find(([path]) => path === key) : undefined;
  return row?.[1].kind === 'string' && isTable(value) ? (uriOf(value) ?? value) : value;
}
