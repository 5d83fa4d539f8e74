import { isArray, isTable, type KeyPath, type TomlDocument, type TomlValue, valueAt } from './toml.ts';

/**
 * The document with another value at a path, made where it is missing; without the key if `value` is undefined. Elements of
 * arrays are replaced, never removed (see {@link keepElements}). Positions stay those of the text.
 */
export function replaceAt(document: TomlDocument, path: KeyPath, value: TomlValue | undefined): TomlDocument {
  const root = replaced(document.root, path, value);
  return isTable(root) ? { ...document, root } : document;
}

/** The document with some elements of an array only, by their indexes; each is located where it stood in the text. */
export function keepElements(
  document: TomlDocument,
  path: KeyPath,
  indexes: readonly number[],
): TomlDocument {
  const array = valueAt(document.root, path);
  if (!isArray(array) || indexes.length === array.length) return document;
  const kept = indexes.flatMap((index) => array.slice(index, index + 1));
  return {
    ...replaceAt(document, path, kept),
    locate: (place) => {
      const index = place[path.length];
      const isInside = typeof index === 'number' && path.every((part, depth) => place[depth] === part);
      if (!isInside) return document.locate(place);
      return document.locate([...path, indexes[index] ?? array.length, ...place.slice(path.length + 1)]);
    },
  };
}

function replaced(
  at: TomlValue | undefined,
  path: KeyPath,
  value: TomlValue | undefined,
): TomlValue | undefined {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (isArray(at)) {
    return at.map((item, index) => (index === part ? (replaced(item, rest, value) ?? item) : item));
  }
  const table = new Map(isTable(at) ? at : []);
  const child = replaced(table.get(String(part)), rest, value);
  if (child === undefined) table.delete(String(part));
  else table.set(String(part), child);
  return table;
}
