import { parseJson } from './parse-json.ts';
import { Place } from './place.ts';
import { required, type Shape } from './shape.ts';

/** A document that was read, or everything that is wrong with it on one line, without its secrets. */
export type JsonReading<Value> =
  | { readonly value: Value; readonly problem?: never }
  | { readonly value?: never; readonly problem: string };

/** Reads a JSON text into a value of a shape. */
export function readJson<Value>(source: Buffer | string, shape: Shape<Value>): JsonReading<Value> {
  const { node, problem: syntax } = parseJson(source);
  if (node === undefined) return { problem: syntax };
  const place = Place.top();
  const value = required(shape).read([node], place);
  const problem = place.problem();
  return problem === undefined ? { value: value as Value } : { problem };
}
