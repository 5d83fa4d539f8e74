import * as v from 'valibot';
import { describeShape } from '../base/shape-problem.ts';

/** Hex of bytes in one case, so that a text has one form only. */
export const hexText = (sizeBytes: number) =>
  v.pipe(
    v.string(),
    v.regex(
      new RegExp(`^(?:[0-9a-f]{${2 * sizeBytes}}|[0-9A-F]{${2 * sizeBytes}})$`),
      `expected ${sizeBytes} bytes in hex`,
    ),
  );

const datePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/** A time as Intel writes it, in seconds and UTC; gives milliseconds since 1970. */
export const isoTime = v.pipe(
  v.string(),
  v.check(
    (text) => datePattern.test(text) && !Number.isNaN(Date.parse(text)),
    'expected a time like 2025-01-31T12:00:00Z',
  ),
  v.transform((text) => Date.parse(text)),
);

/** An integer from 0 to `most`. */
export const countUpTo = (most: number) =>
  v.pipe(
    v.number(`expected a whole number from 0 to ${most}`),
    v.check(
      (value) => Number.isSafeInteger(value) && value >= 0 && value <= most,
      `expected a whole number from 0 to ${most}`,
    ),
  );

/** Parses JSON and checks its shape. Throws a plain Error. */
export function parseJsonAs<Schema extends v.GenericSchema>(
  text: string,
  schema: Schema,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, JSON.parse(text));
  if (!parsed.success) throw new Error(describeShape(parsed.issues));
  return parsed.output;
}

/**
 * Of a JSON object the exact text of each member's value, as signatures are over text. Throws a plain Error if the text is not a
 * JSON object, or has a member twice: JSON readers differ in which of the two counts.
 */
export function memberTexts(text: string): ReadonlyMap<string, string> {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new Error('expected a JSON object');
  }
  const members = new Map<string, string>();
  // The text is valid JSON, so that depth and strings are all that the scan has to follow.
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
  let [depth, valueStart] = [0, 0];
  let key: string | undefined;
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    const [mark] = token;
    const isEnd = depth === 1 && (mark === ',' || mark === '}');
    if (isEnd && key !== undefined) {
      if (members.has(key)) throw new Error(`the member ${key} appears twice`);
      members.set(key, text.slice(valueStart, token.index).trim());
      key = undefined;
    }
    if (mark === '{' || mark === '[') depth += 1;
    else if (mark === '}' || mark === ']') depth -= 1;
    else if (depth === 1 && mark === ':') valueStart = tokens.lastIndex;
    else if (depth === 1 && key === undefined && mark.startsWith('"')) key = JSON.parse(mark) as string;
  }
  return members;
}
