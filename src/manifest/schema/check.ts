import { type Release, type RuntimeVersion, showRelease } from '../../runtime/version.ts';
import {
  isArray,
  isTable,
  type KeyPath,
  showPath,
  type TomlDocument,
  type TomlTable,
  type TomlValue,
} from '../toml/toml.ts';
import { missingHint, unknownKeyHint, valueHint } from './check-hints.ts';
import { type Finding, locateFindings, type ManifestProblem, showValue } from './problem.ts';
import { type KeyRules, keysOf, manifestKeys, mountKeys, mountTypes } from './schema.ts';
import type { Row, RowRule, Shape } from './schema-rows.ts';

/**
 * What a manifest is for. `complete`: it is handed to Gramine as it is, so everything that Gramine insists on must be
 * there. `user`: gsc merges its own keys into it, so only what is there is checked.
 */
export type ManifestRole = 'complete' | 'user';

/**
 * Checks a manifest against the schema of a release, as gramine-manifest-check does (for releases before 1.7, which had
 * no such tool: against the keys that they know). Gives every problem, in the order of the lines; none if all is well.
 */
export function checkManifest(
  document: TomlDocument,
  version: RuntimeVersion,
  role: ManifestRole = 'complete',
): readonly ManifestProblem[] {
  const findings: Finding[] = [];
  const check: Check = {
    release: version.release,
    role,
    report: (finding) => findings.push(finding),
    tables: new Map(),
  };
  checkKeys(document.root, manifestKeys(version.release), [], check);
  return locateFindings(document, findings);
}

/** True if nothing is missing that Gramine insists on and gsc would fill in. */
export function isCompleteManifest(document: TomlDocument, version: RuntimeVersion): boolean {
  const [complete, user] = (['complete', 'user'] as const).map((role) =>
    checkManifest(document, version, role),
  );
  return complete?.length === user?.length;
}

interface Check {
  readonly release: Release;
  readonly role: ManifestRole;
  readonly report: (finding: Finding) => void;
  /** Tables of the schema that are resolved for the release already. */
  readonly tables: Map<readonly Row[], KeyRules>;
}

function checkKeys(table: TomlTable, rules: KeyRules, path: KeyPath, check: Check): void {
  for (const [key, value] of table) {
    const rule = rules.get(key);
    if (rule) checkValue(value, rule.shape, [...path, key], check);
    else reportUnknownKey([...path, key], rules, check);
  }
  for (const [key, rule] of rules) {
    if (!table.has(key) && isRequired(rule.required, check)) reportMissing([...path, key], rule.shape, check);
  }
}

function isRequired(required: RowRule['required'], check: Check): boolean {
  return required === 'always' || (required === 'complete' && check.role === 'complete');
}

function reportUnknownKey(path: KeyPath, rules: KeyRules, check: Check): void {
  const hint = unknownKeyHint(path, rules, check.release);
  check.report({
    path,
    message: `not a key of manifests of ${showRelease(check.release)}`,
    ...(hint && { hint }),
  });
}

/** A missing table is reported by the keys that it should have. */
function reportMissing(path: KeyPath, shape: Shape, check: Check): void {
  if (shape.kind === 'table') {
    checkKeys(new Map(), rulesOf(shape.rows, check), path, check);
    return;
  }
  const hint = missingHint(path);
  check.report({
    path,
    message: `required, but missing; expected ${describe(shape)}`,
    ...(hint && { hint }),
  });
}

function rulesOf(rows: readonly Row[], check: Check): KeyRules {
  const known = check.tables.get(rows);
  if (known) return known;
  const rules = keysOf(rows, check.release);
  check.tables.set(rows, rules);
  return rules;
}

function checkValue(value: TomlValue, shape: Shape, path: KeyPath, check: Check): void {
  const form = formOf(value, shape);
  if (form === undefined) reportValue(value, shape, path, check);
  else if (form.kind === 'array' && isArray(value)) {
    for (const [index, item] of value.entries()) checkValue(item, form.of, [...path, index], check);
  } else if (form.kind === 'map' && isTable(value)) {
    for (const [key, item] of value) checkValue(item, form.of, [...path, key], check);
  } else if (form.kind === 'table' && isTable(value)) {
    checkKeys(value, rulesOf(form.rows, check), path, check);
    if (form.atMostOneKey) checkSingleKey(value, path, check);
  } else if ((form.kind === 'mount' || form.kind === 'root-mount') && isTable(value)) {
    checkMount(value, form.kind, path, check);
  }
}

/** The form that a value of this TOML type has to have, or undefined if the shape has none for it. */
function formOf(value: TomlValue, shape: Shape): Shape | undefined {
  switch (shape.kind) {
    case 'any':
      return shape;
    case 'either':
      return shape.of.find((each) => formOf(value, each) !== undefined);
    case 'array':
      return isArray(value) ? shape : undefined;
    case 'map':
    case 'table':
    case 'mount':
    case 'root-mount':
      return isTable(value) ? shape : undefined;
    default:
      return isScalar(value, shape) ? shape : undefined;
  }
}

function isScalar(value: TomlValue, shape: Shape): boolean {
  switch (shape.kind) {
    case 'string':
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      // Gramine's schema runs in Python, where a boolean is an integer.
      return typeof value === 'bigint' || typeof value === 'boolean';
    case 'choice':
      return shape.values.some((allowed) => value === allowed || equalsAsNumber(value, allowed));
    default:
      return false;
  }
}

/** In Python, `1` equals `True`. */
function equalsAsNumber(value: TomlValue, allowed: string | boolean): boolean {
  return (
    typeof allowed === 'boolean' &&
    ['bigint', 'number'].includes(typeof value) &&
    Number(value) === Number(allowed)
  );
}

function checkSingleKey(table: TomlTable, path: KeyPath, check: Check): void {
  const [, second] = [...table.keys()];
  if (second === undefined) return;
  check.report({
    path: [...path, second],
    message: `expected one of ${[...table.keys()].join(' and ')}, got both`,
    hint: `remove one of them from ${showPath(path)}`,
  });
}

function checkMount(table: TomlTable, place: 'mount' | 'root-mount', path: KeyPath, check: Check): void {
  const type = table.get('type') ?? 'chroot';
  const rules = typeof type === 'string' ? mountKeys(type, place, check.release) : undefined;
  if (rules) checkKeys(table, rules, path, check);
  else reportValue(type, { kind: 'choice', values: mountTypes(check.release) }, [...path, 'type'], check);
}

function reportValue(value: TomlValue, shape: Shape, path: KeyPath, check: Check): void {
  const hint = valueHint(value, shape, path);
  check.report({
    path,
    message: `expected ${describe(shape)}, got ${showValue(value)}`,
    ...(hint && { hint }),
  });
}

function describe(shape: Shape): string {
  switch (shape.kind) {
    case 'choice':
      return shape.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'either':
      return shape.of.map(describe).join(' or ');
    case 'array':
      return shape.of.kind === 'mount' ? 'an array of mounts' : 'an array';
    case 'mount':
    case 'root-mount':
    case 'map':
      return 'a table';
    case 'any':
      return 'a value';
    default:
      return `${shape.kind === 'integer' ? 'an' : 'a'} ${shape.kind}`;
  }
}
