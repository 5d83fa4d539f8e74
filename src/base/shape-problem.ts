import type * as z from 'zod/mini';

/** Problems beyond these are of no use in one line. */
const mostShown = 3;

/** What is wrong with the shape of a JSON value, on one line: `manifests[0].digest: expected …; …`. */
export function describeShape(error: z.core.$ZodError): string {
  const shown = error.issues.slice(0, mostShown).map(({ path, message }) => {
    const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
    return place === '' ? message : `${place.replace(/^\./, '')}: ${message}`;
  });
  const more = error.issues.length - shown.length;
  return `${shown.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
