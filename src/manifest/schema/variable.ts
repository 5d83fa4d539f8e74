import { isTable, type TomlTable, type TomlValue, valueAt } from '../toml/toml.ts';

/** The text of a variable's entry in `loader.env`; undefined for one that the host decides. */
export function textOfVariable(entry: TomlValue | undefined): string | undefined {
  const value = isTable(entry) && entry.size === 1 ? entry.get('value') : entry;
  return typeof value === 'string' ? value : undefined;
}

/** The text of a variable of a manifest; undefined if it is not there, or the host decides it. */
export function variableIn(manifest: TomlTable, name: string): string | undefined {
  return textOfVariable(valueAt(manifest, ['loader', 'env', name]));
}

/** The entry with another text, in its own form. */
export function withText(entry: TomlValue | undefined, text: string): TomlValue {
  return isTable(entry) ? new Map([...entry, ['value', text]]) : text;
}

/** A manifest with another text of a variable. */
export function withVariable(manifest: TomlTable, name: string, text: string): TomlTable {
  const [loader, env] = [manifest.get('loader'), valueAt(manifest, ['loader', 'env'])];
  const variables = new Map(isTable(env) ? env : []);
  variables.set(name, withText(variables.get(name), text));
  return new Map([
    ...manifest,
    ['loader', new Map([...(isTable(loader) ? loader : []), ['env', variables]])],
  ]);
}
