import { innermost, isUnknownKey, keysOf, messageOf, type ShapeIssue } from './issue-message.ts';

/** Problems beyond these are of no use in one line. */
const mostShown = 3;

/** What is wrong with the shape of a JSON value, on one line: `manifests[0].digest: expected …; …`. */
export function describeShape(issues: readonly ShapeIssue[]): string {
  const shown = issues.slice(0, mostShown).map((given) => {
    const issue = innermost(given);
    // An unknown key is named in the message.
    const path = isUnknownKey(issue) ? keysOf(issue).slice(0, -1) : keysOf(issue);
    const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
    const message = messageOf(issue);
    return place === '' ? message : `${place.replace(/^\./, '')}: ${message}`;
  });
  const more = issues.length - shown.length;
  return `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
