import { isAtLeast, type Release } from '../../runtime/version.ts';
import { grapheneRows } from './graphene-rows.ts';
import { manifestRows, mountRows, mountsSince, type Row, type RowRule, type Shape } from './schema-rows.ts';

/** One key of one release's schema. */
export interface KeyRule {
  readonly shape: Shape;
  readonly required: RowRule['required'];
}

/** The keys of one table of one release. */
export type KeyRules = ReadonlyMap<string, KeyRule>;

/** The keys of a manifest's root in `release`. */
export function manifestKeys(release: Release): KeyRules {
  return keysOf(isAtLeast(release, '1.4') ? manifestRows : grapheneRows, release);
}

/** True if `release` has a key of this path, or keys below it. */
export function hasKey(release: Release, path: readonly [string, string]): boolean {
  const shape = manifestKeys(release).get(path[0])?.shape;
  if (shape?.kind !== 'table') return false;
  return shape.rows.some(([key]) => key === path[1] || key.startsWith(`${path[1]}.`));
}

/** True if `release` has mounts of this type. */
export function hasMountType(release: Release, type: string): boolean {
  return Object.hasOwn(mountRows, type) && isAtLeast(release, mountsSince[type] ?? 'f51aafddf');
}

/** True if manifests of `release` can let a single variable of the host in. */
export function hasPassthrough(release: Release): boolean {
  return isAtLeast(release, '1.4');
}

/** The rows that `release` has, nested: `a.b` becomes key `b` of table `a`, which is required if one of its keys is. */
export function keysOf(rows: readonly Row[], release: Release): KeyRules {
  const groups = new Map<string, Row[]>();
  for (const [path, shape, rule] of rows) {
    if (!isInRelease(rule, release)) continue;
    const [key, ...rest] = path.split('.') as [string, ...string[]];
    const group = groups.get(key) ?? [];
    group.push([rest.join('.'), shape, rule ?? {}]);
    groups.set(key, group);
  }
  return new Map([...groups].map(([key, group]) => [key, keyRuleOf(group, release)]));
}

/** The types of mounts that exist, with their keys in `release`. */
export function mountKeys(
  type: string,
  place: 'mount' | 'root-mount',
  release: Release,
): KeyRules | undefined {
  const rows = hasMountType(release, type) ? mountRows[type] : undefined;
  if (!rows) return undefined;
  const path: readonly Row[] =
    place === 'mount'
      ? [['path', { kind: 'string' }, { required: 'always' }]]
      : [['path', { kind: 'string' }, { until: '1.6' }]];
  return keysOf([['type', { kind: 'string' }], ...path, ...rows], release);
}

/** The names of all types of mounts of a release. */
export function mountTypes(release: Release): readonly string[] {
  return Object.keys(mountRows).filter((type) => hasMountType(release, type));
}

/** Every dotted path that some release knows, with the releases that know it, as those see it who have this `release`. */
export function knownPaths(release: Release): ReadonlyMap<string, RowRule> {
  const paths = new Map<string, RowRule>();
  const isGramine = isAtLeast(release, '1.4');
  for (const [path, , rule = {}] of manifestRows) {
    const earlier = paths.get(path);
    const { since = isGramine ? undefined : '1.4', until } = rule;
    paths.set(path, earlier ? spanOf(earlier.since, until) : spanOf(since, until));
  }
  if (!isGramine) {
    for (const [path, , { since, until } = {}] of grapheneRows) paths.set(path, spanOf(since, until));
  }
  return paths;
}

function spanOf(since: Release | undefined, until: Release | undefined): RowRule {
  return { ...(since && { since }), ...(until && { until }) };
}

function isInRelease(rule: RowRule | undefined, release: Release): boolean {
  const { since, until } = rule ?? {};
  return (
    (since === undefined || isAtLeast(release, since)) && (until === undefined || isAtLeast(until, release))
  );
}

function keyRuleOf(group: readonly Row[], release: Release): KeyRule {
  const [path, shape, rule] = group[0] as Row;
  if (path === '') return { shape, required: isRequired(rule, release) ? rule?.required : undefined };
  const required = group.map(([, , each]) => each).find((each) => isRequired(each, release))?.required;
  return { shape: { kind: 'table', rows: group }, required };
}

function isRequired(rule: RowRule | undefined, release: Release): boolean {
  if (rule?.required === undefined) return false;
  return rule.requiredSince === undefined || isAtLeast(release, rule.requiredSince);
}
