import { type GramineRelease, isAtLeast } from '../../runtime/version.ts';
import { manifestRows, mountRows, type Row, type RowRule, type Shape } from './schema-rows.ts';

/** One key of one release's schema. */
export interface KeyRule {
  readonly shape: Shape;
  readonly required: RowRule['required'];
}

/** The keys of one table of one release. */
export type KeyRules = ReadonlyMap<string, KeyRule>;

/** The keys of a manifest's root in `release`. */
export function manifestKeys(release: GramineRelease): KeyRules {
  return keysOf(manifestRows, release);
}

/** The rows that `release` has, nested: `a.b` becomes key `b` of table `a`, which is required if one of its keys is. */
export function keysOf(rows: readonly Row[], release: GramineRelease): KeyRules {
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
  release: GramineRelease,
): KeyRules | undefined {
  const rows = Object.hasOwn(mountRows, type) ? mountRows[type] : undefined;
  if (!rows) return undefined;
  const path: readonly Row[] =
    place === 'mount'
      ? [['path', { kind: 'string' }, { required: 'always' }]]
      : [['path', { kind: 'string' }, { until: '1.6' }]];
  return keysOf([['type', { kind: 'string' }], ...path, ...rows], release);
}

/** The names of all types of mounts. */
export const mountTypes: readonly string[] = Object.keys(mountRows);

/** Every dotted path that some release knows, with the releases that know it. */
export function knownPaths(): ReadonlyMap<string, RowRule> {
  const paths = new Map<string, RowRule>();
  for (const [path, , rule = {}] of manifestRows) {
    const earlier = paths.get(path);
    const { since, until } = rule;
    paths.set(path, earlier ? spanOf(earlier.since, until) : spanOf(since, until));
  }
  return paths;
}

function spanOf(since: GramineRelease | undefined, until: GramineRelease | undefined): RowRule {
  return { ...(since && { since }), ...(until && { until }) };
}

function isInRelease(rule: RowRule | undefined, release: GramineRelease): boolean {
  const { since, until } = rule ?? {};
  return (
    (since === undefined || isAtLeast(release, since)) && (until === undefined || isAtLeast(until, release))
  );
}

function keyRuleOf(group: readonly Row[], release: GramineRelease): KeyRule {
  const [path, shape, rule] = group[0] as Row;
  if (path === '') return { shape, required: isRequired(rule, release) ? rule?.required : undefined };
  const required = group.map(([, , each]) => each).find((each) => isRequired(each, release))?.required;
  return { shape: { kind: 'table', rows: group }, required };
}

function isRequired(rule: RowRule | undefined, release: GramineRelease): boolean {
  if (rule?.required === undefined) return false;
  return rule.requiredSince === undefined || isAtLeast(release, rule.requiredSince);
}
