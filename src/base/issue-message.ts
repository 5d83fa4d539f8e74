import type * as v from 'valibot';

export type ShapeIssue = v.BaseIssue<unknown>;

/** Valibot's words for types, as messages have them. */
const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  safe_integer: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  null: 'null',
};

/** True of a key that a strict object does not have; it is the last of the path. */
export function isUnknownKey({ type, expected }: Pick<ShapeIssue, 'type' | 'expected'>): boolean {
  return type === 'strict_object' && expected === 'never';
}

/** From the whole to the part that is wrong. */
export function keysOf(issue: ShapeIssue): readonly unknown[] {
  return (issue.path ?? []).map(({ key }) => key);
}

/** Of a value that has none of several forms the problem inside the form that it comes closest to, if it has the beginning of one. */
export function innermost(issue: ShapeIssue): ShapeIssue {
  const inside = issue.type === 'union' ? issue.issues?.find(({ path }) => path !== undefined) : undefined;
  if (inside === undefined) return issue;
  const { path = [], ...found } = innermost(inside as ShapeIssue);
  return { ...found, path: [...(issue.path ?? []), ...path] as NonNullable<ShapeIssue['path']> };
}

/** A message of the schema's own, else what the issue says was expected: Valibot's own end with the value. */
export function messageOf(issue: ShapeIssue): string {
  if (!issue.message.startsWith('Invalid ')) return issue.message;
  switch (issue.type) {
    case 'regex':
      return `expected a string of the form ${issue.requirement}`;
    case 'min_length':
    case 'min_value':
      return `expected at least ${issue.requirement}`;
    case 'max_length':
    case 'max_value':
      return `expected at most ${issue.requirement}`;
    case 'literal':
    case 'picklist':
      return `expected ${(issue.expected ?? '').replace(/^\((.*)\)$/, '$1').replaceAll(' | ', ' or ')}`;
    case 'union':
      return `expected one of several forms: ${[...new Set((issue.issues ?? []).map(messageOf))].join(', or ')}`;
    default:
      return typeNames[issue.type] === undefined
        ? 'not of the expected form'
        : `expected ${typeNames[issue.type]}`;
  }
}
