import { nearestName } from '../../base/nearest-name.ts';
import { isAtLeast, type Release, showRelease } from '../../runtime/version.ts';
import { type KeyPath, showPath, type TomlValue } from '../toml/toml.ts';
import { typeOf } from './problem.ts';
import { type KeyRules, knownPaths } from './schema.ts';
import { formHints, type RowRule, replacements, type Shape } from './schema-rows.ts';

/** More keys than these are not listed in a hint. */
const listedKeys = 12;

/** What to do about a key that the schema does not have, or undefined if nothing is known. */
export function unknownKeyHint(path: KeyPath, siblings: KeyRules, release: Release): string | undefined {
  const dotted = path.filter((part) => typeof part === 'string').join('.');
  if (Object.hasOwn(replacements, dotted)) return replacements[dotted];
  const earlier = isAtLeast(release, '1.4') ? undefined : earlierNames[dotted];
  if (earlier !== undefined) return `write ${earlier}, as it was called then`;
  return (
    otherReleaseHint(dotted, release) ??
    spellingHint(path, siblings) ??
    placeHint(path, release) ??
    listHint(path, siblings)
  );
}

/** Graphene's names of keys of Gramine's. */
const earlierNames: Readonly<Record<string, string>> = { 'sgx.use_exinfo': 'sgx.support_exinfo' };

function otherReleaseHint(dotted: string, release: Release): string | undefined {
  for (const [path, rule] of knownPaths(release)) {
    if (path === dotted || path.startsWith(`${dotted}.`)) return releaseHint(rule, release);
  }
  return dotted.endsWith('.enable_recovery') ? releaseHint({ since: '1.9' }, release) : undefined;
}

function releaseHint({ since, until }: RowRule, release: Release): string | undefined {
  if (since && !isAtLeast(release, since)) {
    const [family] = showRelease(since).split(' ');
    const isOwn = showRelease(release).startsWith(`${family} `);
    // Before 1.4 is what gsc does not know.
    const what = since === '1.4' ? 'is of Gramine' : `exists only since ${showRelease(since)}`;
    return `this key ${what}; remove it${isOwn ? `, or use a newer ${family}` : ''}`;
  }
  if (until && !isAtLeast(until, release))
    return `this key was removed in the release after ${showRelease(until)}; remove it`;
  return undefined;
}

function spellingHint(path: KeyPath, siblings: KeyRules): string | undefined {
  const nearest = nearestName(String(path.at(-1)), siblings.keys());
  return nearest && `did you mean ${showPath([...path.slice(0, -1), nearest])}?`;
}

/** `enclave_size` without its `sgx.` is a common slip, often below the wrong header. */
function placeHint(path: KeyPath, release: Release): string | undefined {
  if (path.some((part) => typeof part === 'number')) return undefined;
  const places = [...knownPaths(release)]
    .filter(([known, rule]) => known.endsWith(`.${path.at(-1)}`) && releaseHint(rule, release) === undefined)
    .map(([known]) => known);
  return places.length === 1 ? `did you mean ${places[0]}?` : undefined;
}

function listHint(path: KeyPath, siblings: KeyRules): string | undefined {
  if (siblings.size === 0 || siblings.size > listedKeys) return undefined;
  const place = path.length === 1 ? 'at the top' : `in ${showPath(path.slice(0, -1))}`;
  return `the keys ${place} are ${[...siblings.keys()].join(', ')}`;
}

/** What to do about a value of the wrong type or outside of the choice, or undefined if the message says it all. */
export function valueHint(value: TomlValue, shape: Shape, path: KeyPath): string | undefined {
  const found = typeOf(value);
  const special = formHints[path.filter((part) => typeof part === 'string').join('.')]?.[found];
  if (special) return special;
  if (shape.kind === 'choice' && typeof value === 'string') {
    const nearest = nearestName(
      value,
      shape.values.filter((each) => typeof each === 'string'),
    );
    return nearest && `did you mean ${JSON.stringify(nearest)}?`;
  }
  if (shape.kind === 'boolean') return 'write true or false, without quotes';
  if (shape.kind === 'string' && (found === 'integer' || found === 'float')) return 'write it in quotes';
  if (shape.kind === 'integer' && found === 'string') return 'write it without quotes';
  if (shape.kind === 'integer' && found === 'float') return 'write it without a fraction';
  return undefined;
}

/** Keys that a user of gsc need not write, although Gramine's own tools insist on them. */
const keysOfBuild: ReadonlySet<string> = new Set([
  'libos.entrypoint',
  'loader.entrypoint',
  'loader.entrypoint.uri',
]);

/** What to do about a key that has to be there, or undefined if the message says it all. */
export function missingHint(path: KeyPath): string | undefined {
  const dotted = path.join('.');
  if (dotted === 'fs.mounts') return 'write fs.mounts = [] if there is nothing to mount';
  return keysOfBuild.has(dotted) ? 'gsc build fills it in; Gramine needs it written' : undefined;
}
