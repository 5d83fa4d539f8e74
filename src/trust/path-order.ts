import type { ByteString, ImagePath } from '../base/image-path.ts';

/** Paths in the order of their components: as strings compare when the slash comes before every other byte. */
export function compareKeys(a: { readonly key: ByteString }, b: { readonly key: ByteString }): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** The key by which paths sort in the order of their components. Names hold no NUL. */
export function keyOf(path: ImagePath): ByteString {
  return path === '/' ? '' : path.replaceAll('/', '\0');
}

/** Of items in the order of their keys those that are below a directory, the directory itself excepted. */
export function itemsBelow<T extends { readonly key: ByteString }>(
  items: readonly T[],
  directory: ImagePath,
): readonly T[] {
  const key = keyOf(directory);
  return items.slice(firstFrom(items, `${key}\0`), firstFrom(items, `${key}\x01`));
}

/** Of items in the order of their keys those that are a place, or are below it. */
export function itemsWithin<T extends { readonly key: ByteString }>(
  items: readonly T[],
  place: ImagePath,
): readonly T[] {
  const key = keyOf(place);
  return items.slice(firstFrom(items, key), firstFrom(items, `${key}\x01`));
}

/** Counts files, which are given in walk order, by the places that they are in. */
export class FileSums {
  readonly #files: readonly { readonly key: ByteString }[];
  /** The size of the first 0, 1, 2, … files together. */
  readonly #sizes: readonly number[];

  constructor(files: readonly { readonly path: ImagePath; readonly sizeBytes: number }[]) {
    this.#files = files.map(({ path }) => ({ key: keyOf(path) }));
    const sizes = [0];
    for (const { sizeBytes } of files) sizes.push((sizes.at(-1) ?? 0) + sizeBytes);
    this.#sizes = sizes;
  }

  /** How many files a place has, itself included, and how many bytes. */
  within(place: ImagePath): { readonly fileCount: number; readonly sizeBytes: number } {
    const key = keyOf(place);
    const [from, to] = [firstFrom(this.#files, key), firstFrom(this.#files, `${key}\x01`)];
    return { fileCount: to - from, sizeBytes: (this.#sizes[to] ?? 0) - (this.#sizes[from] ?? 0) };
  }
}

/** How many items are below a directory. */
export function countBelow(items: readonly { readonly key: ByteString }[], directory: ImagePath): number {
  const key = keyOf(directory);
  return firstFrom(items, `${key}\x01`) - firstFrom(items, `${key}\0`);
}

function firstFrom(items: readonly { readonly key: ByteString }[], key: ByteString): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((items[middle]?.key ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
