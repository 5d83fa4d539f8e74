import { type ByteString, rootPath } from './image-path.ts';

/**
 * Values at places (clean paths; absolute ones, and relative ones with '' for the directory that they are relative to), found for
 * every path at or below them in time that does not depend on their number: the path is followed upwards.
 */
export class PlaceIndex<T> {
  readonly #values: ReadonlyMap<ByteString, T>;
  readonly #longest: number;

  /** Of equal places the last one's value counts. */
  constructor(entries: Iterable<readonly [place: ByteString, value: T]>) {
    const values = new Map<ByteString, T>();
    let longest = 0;
    for (const [place, value] of entries) {
      values.set(place, value);
      longest = Math.max(longest, place.length);
    }
    this.#values = values;
    this.#longest = longest;
  }

  /** The value of the path itself and of every place above it, the innermost first. */
  above(path: ByteString): readonly T[] {
    const found: T[] = [];
    const take = (place: ByteString) => {
      const value = this.#values.get(place);
      if (value !== undefined) found.push(value);
    };
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      if (end <= this.#longest) take(path.slice(0, end));
    }
    if (!path.startsWith('/')) take('');
    else if (path !== rootPath) take(rootPath);
    return found;
  }

  /** True if the path is one of the places, or is below one. */
  holds(path: ByteString): boolean {
    return this.above(path).length > 0;
  }
}

/** The index of places that have nothing but themselves for a value. */
export function placesOf<P extends ByteString>(places: Iterable<P>): PlaceIndex<P> {
  return new PlaceIndex([...places].map((place) => [place, place]));
}
