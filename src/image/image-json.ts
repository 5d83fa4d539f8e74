import { GscError } from '../base/error.ts';
import { readJson } from '../json/read-json.ts';
import type { Shape } from '../json/shape.ts';

/** What messages say about a document that is wrong. */
export interface DocumentWords {
  readonly subject: string;
  /** `image config`. */
  readonly what: string;
  readonly hint: string;
}

/** Reads a JSON document of an image. Throws an `image` error that says what was expected, and where. */
export function readImageJson<Value>(
  bytes: Buffer,
  shape: Shape<Value>,
  { subject, what, hint }: DocumentWords,
): Value {
  const { value, problem } = readJson(bytes, shape);
  if (problem === undefined) return value;
  throw new GscError({ code: 'image', subject, message: `not a valid ${what}: ${problem}`, hint });
}
