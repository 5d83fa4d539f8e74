import type * as z from 'zod/mini';

/** Problems beyond these are of no use in one line. */
const mostShown = 3;

/** Zod's words for types, as messages have them. */
const typeNames: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

/** What is wrong with the shape of a JSON value, on one line: `manifests[0].digest: expected …; …`. */
export function describeShape(error: z.core.$ZodError): string {
  const shown = error.issues.slice(0, mostShown).map((issue) => {
    const place = issue.path
      .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
      .join('');
    const message = messageOf(issue);
    return place === '' ? message : `${place.replace(/^\./, '')}: ${message}`;
  });
  const more = error.issues.length - shown.length;
  return `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

/** A message of the schema's own, else what the issue says was expected: zod itself says "Invalid input" only. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.message !== 'Invalid input') return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeNames[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'too_small':
      return `expected at least ${issue.minimum}`;
    case 'too_big':
      return `expected at most ${issue.maximum}`;
    case 'invalid_format':
      return `expected a string of the form ${issue.pattern ?? issue.format}`;
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return `unknown keys ${issue.keys.join(', ')}`;
    case 'invalid_union':
      return `expected one of several forms: ${[...new Set(issue.errors.flat().map(messageOf))].join(', or ')}`;
    default:
      return 'not of the expected form';
  }
}
