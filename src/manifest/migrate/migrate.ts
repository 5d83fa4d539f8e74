import type { RuntimeVersion } from '../../runtime/version.ts';
import { checkManifest } from '../schema/check.ts';
import type { ManifestProblem } from '../schema/problem.ts';
import type { KeyPath, TomlDocument, TomlTable } from '../toml/toml.ts';
import {
  cloneTable,
  type Draft,
  type MigrationChange,
  type MigrationPurpose,
  take,
} from './migration-draft.ts';
import { migrationRules } from './migration-rules.ts';

export type { MigrationChange } from './migration-draft.ts';

/** A manifest as a release wants it. */
export interface Migration {
  readonly root: TomlTable;
  /** The same as a document: what moved is located where it stood in the text. */
  readonly document: TomlDocument;
  /** What was rewritten, in the order of the rules. */
  readonly changes: readonly MigrationChange[];
  /** What the release does not accept and no rule rewrites; for what is in the text, with its place there. */
  readonly left: readonly ManifestProblem[];
}

/**
 * Rewrites what older releases of Gramine and Graphene (in TOML) wrote differently from the release of `version` does: keys
 * that moved, tables that became arrays, numbers that became booleans. Values that mean nothing any more go. With
 * `purpose: 'build'`, forms that a newer manifest has only by mistake stay, for the check to name them. Pure.
 */
export function migrateManifest(
  document: TomlDocument,
  version: RuntimeVersion,
  purpose: MigrationPurpose = 'rewrite',
): Migration {
  const changes: MigrationChange[] = [];
  const moves: Move[] = [];
  const move: Draft['move'] = (from, to) => moves.push({ from, to });
  const draft: Draft = {
    root: cloneTable(document.root),
    release: version.release,
    purpose,
    report: (path, message, to) => {
      changes.push({ path, message });
      if (to) move(path, to);
    },
    drop: (path, dropped) => {
      if (take(draft, path) !== undefined) changes.push({ path, message: `removed: ${dropped}`, dropped });
    },
    move,
  };
  for (const rule of migrationRules) rule(draft);
  const migrated = { ...document, root: draft.root, locate: locateThrough(document, moves) };
  return {
    root: draft.root,
    document: migrated,
    changes,
    left: checkManifest(migrated, version, 'user'),
  };
}

interface Move {
  readonly from: KeyPath;
  readonly to: KeyPath;
}

/** Rules may move what an earlier one moved: the moves are undone from the last to the first. */
function locateThrough(document: TomlDocument, moves: readonly Move[]): TomlDocument['locate'] {
  const byTarget = new Map(moves.map((move, order) => [JSON.stringify(move.to), { ...move, order }]));
  const lastMove = (path: KeyPath, before: number) => {
    let last: (Move & { readonly order: number }) | undefined;
    for (let depth = 1; depth <= path.length; depth++) {
      const move = byTarget.get(JSON.stringify(path.slice(0, depth)));
      if (move && move.order < before && move.order > (last?.order ?? -1)) last = move;
    }
    return last;
  };
  return (path) => {
    let origin = path;
    let move = lastMove(path, moves.length);
    while (move !== undefined) {
      origin = [...move.from, ...origin.slice(move.to.length)];
      move = lastMove(origin, move.order);
    }
    return document.locate(origin);
  };
}
