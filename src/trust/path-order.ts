import type { ByteString, ImagePath } from '../base/image-path.ts';

/** Paths in the order of their components: as strings compare when the slash comes before every other byte. */
export function compareKeys(a: { readonly key: ByteString }, b: { readonly key: ByteString }): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** The key by which paths sort in the order of their components. Names hold no NUL. */
export function keyOf(path: ImagePath): ByteString {
  return path === '/' ? '' : path.replaceAll('/', '\0');
}

/** Of items in the order of their keys those that lie below a directory, the directory itself excepted. */
export function itemsBelow<T extends { readonly key: ByteString }>(
  items: readonly T[],
  directory: ImagePath,
): readonly T[] {
  const key = keyOf(directory);
  return items.slice(firstFrom(items, `${key}\0`), firstFrom(items, `${key}\x01`));
}

/** How many items lie below a directory. */
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
