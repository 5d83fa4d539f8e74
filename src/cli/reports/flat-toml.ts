import { serializeManifest } from '../../tools.ts';

/** A result of plain values, one level deep. */
export type FlatTable = Readonly<Record<string, string | number | boolean>>;

/** The table as TOML, a line per key, in the order given. Numbers are integers. */
export function flatToml(table: FlatTable): string {
  const values = Object.entries(table).map(
    ([key, value]) => [key, typeof value === 'number' ? BigInt(value) : value] as const,
  );
  return serializeManifest(new Map(values));
}
