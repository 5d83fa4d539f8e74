import type { RuntimeVersion } from '../../runtime/version.ts';
import { checkManifest } from '../schema/check.ts';
import type { ManifestProblem } from '../schema/problem.ts';
import type { TomlDocument, TomlTable } from '../toml/toml.ts';
import { cloneTable, type Draft, type MigrationChange } from './migration-draft.ts';
import { migrationRules } from './migration-rules.ts';

export type { MigrationChange } from './migration-draft.ts';

/** A manifest as a release wants it. */
export interface Migration {
  readonly root: TomlTable;
  /** What was rewritten, in the order of the rules. */
  readonly changes: readonly MigrationChange[];
  /** What the release does not accept and no rule rewrites; for what is in the text, with its place there. */
  readonly left: readonly ManifestProblem[];
}

/**
 * Rewrites what older releases of Gramine and Graphene (in TOML) wrote otherwise than the release of `version` does: keys
 * that moved, tables that became arrays, numbers that became booleans. Values that mean nothing any more go. Pure.
 */
export function migrateManifest(document: TomlDocument, version: RuntimeVersion): Migration {
  const changes: MigrationChange[] = [];
  const draft: Draft = {
    root: cloneTable(document.root),
    release: version.release,
    report: (path, message) => changes.push({ path, message }),
  };
  for (const rule of migrationRules) rule(draft);
  const left = checkManifest({ ...document, root: draft.root }, version, 'user');
  return { root: draft.root, changes, left };
}
