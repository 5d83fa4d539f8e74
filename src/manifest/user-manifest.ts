import type { RuntimeVersion } from '../runtime/version.ts';
import { migrateManifest } from './migrate/migrate.ts';
import { findRelativeUris, findTemplateTexts } from './schema/build-rules.ts';
import { locateFindings, type ManifestProblem, showPlace } from './schema/problem.ts';
import { checkRuntimeRules } from './schema/runtime-rules.ts';
import type { TomlDocument } from './toml/toml.ts';

/** A manifest of the user as a build takes it. */
export interface UserManifest {
  /** With the keys of older releases rewritten. */
  readonly document: TomlDocument;
  /** What was rewritten, a sentence each. */
  readonly notes: readonly string[];
  /** What no build accepts, in the order of the lines. */
  readonly problems: readonly ManifestProblem[];
}

/**
 * Reads a manifest that gsc completes: what older releases wrote otherwise is rewritten for the release of `version`, and what
 * is there is checked against its schema, the rules of its start, and what holds in every graminized image. Pure.
 */
export function readUserManifest(document: TomlDocument, version: RuntimeVersion): UserManifest {
  if (document.isLines && version.family === 'gramine') return refusedLines(document);
  const templates = findTemplateTexts(document.root);
  if (templates.length > 0) return { document, notes: [], problems: locateFindings(document, templates) };
  const { document: migrated, changes, left } = migrateManifest(document, version, 'build');
  return {
    document: migrated,
    // A manifest of Graphene for Graphene is only read into another form.
    notes:
      version.family === 'graphene' || changes.length === 0
        ? []
        : [
            ...changes.map((change) => `${showPlace(document, change.path)}: ${change.message}`),
            `gsc migrate-manifest rewrites ${document.subject} in this way`,
          ],
    problems: [
      ...left,
      ...checkRuntimeRules(migrated, version),
      ...locateFindings(migrated, findRelativeUris(migrated.root)),
    ].sort((a, b) => a.line - b.line || a.column - b.column),
  };
}

function refusedLines(document: TomlDocument): UserManifest {
  const problem = {
    path: [],
    message: 'expected TOML, got a Graphene manifest from before TOML, with texts that have no quotes',
    hint: 'gsc migrate-manifest rewrites it for Gramine; a Graphene runtime takes it as it is',
  };
  return { document, notes: [], problems: locateFindings(document, [problem]) };
}
