import * as v from 'valibot';
import { isUnknownKey, messageOf, type ShapeIssue } from './issue-message.ts';

// Valibot takes arrays for objects, and says of a missing key what kind of thing it is missing from.

type Entries = v.ObjectEntries;

/** An object; other keys are left out. Of a key that is missing the message is what its own schema says of nothing. */
export const objectOf = <const Shape extends Entries>(entries: Shape, message?: string) =>
  noArray(v.object(entries, messageFor(entries)), message);

/** As {@link objectOf}; other keys are kept. */
export const looseObjectOf = <const Shape extends Entries>(entries: Shape, message?: string) =>
  noArray(v.looseObject(entries, messageFor(entries)), message);

/** As {@link objectOf}; other keys are problems. */
export const strictObjectOf = <const Shape extends Entries>(entries: Shape, message?: string) =>
  noArray(v.strictObject(entries, messageFor(entries)), message);

/** An object with any keys of a kind. */
export const recordOf = <Key extends v.GenericSchema<string, string>, Value extends v.GenericSchema>(
  key: Key,
  value: Value,
) =>
  noArray(
    v.pipe(
      v.custom<object>((input) =>
        passedOver.every((name) => !Object.hasOwn(input as object, name) || v.is(key, name)),
      ),
      v.record(key, value),
    ),
  );

/** The keys that Valibot's records leave out unseen. */
const passedOver = ['__proto__', 'prototype', 'constructor'];

function noArray<Schema extends v.GenericSchema>(
  schema: Schema,
  message = 'expected an object',
): v.GenericSchema<unknown, v.InferOutput<Schema>> {
  const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const ofObject = schema as v.GenericSchema as v.GenericSchema<object, v.InferOutput<Schema>>;
  return v.pipe(v.custom<object>(isObject, message), ofObject);
}

function messageFor(entries: Entries) {
  return (issue: Pick<ShapeIssue, 'type' | 'expected' | 'path'>): string => {
    const key = String(issue.path?.[0].key);
    if (isUnknownKey(issue)) return `unknown key ${key}`;
    const [found] = v.safeParse(entries[key] as v.GenericSchema, undefined).issues ?? [];
    return found === undefined ? 'missing' : messageOf(found);
  };
}
