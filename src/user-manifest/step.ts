import type { ManifestProblem } from '../manifest/schema/problem.ts';
import type { TomlDocument } from '../manifest/toml/toml.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { FileTree } from '../tree/file-tree.ts';

/** What a user's manifest is checked against. */
export interface Surroundings {
  readonly tree: FileTree;
  readonly runtime: Runtime;
}

/** What one step makes of a manifest. */
export interface Step {
  readonly document: TomlDocument;
  /** What was changed and why, a sentence each. */
  readonly notes: readonly string[];
  readonly problems: readonly ManifestProblem[];
  /** True if the manifest names files of the runtime, so that the application is to open them. */
  readonly namesRuntime: boolean;
}

/** A manifest of which nothing has been changed. */
export function unchanged(document: TomlDocument): Step {
  return { document, notes: [], problems: [], namesRuntime: false };
}

/** Steps one after the other, each on what the one before made. */
export function runSteps(document: TomlDocument, steps: readonly ((document: TomlDocument) => Step)[]): Step {
  return steps.reduce((before, run) => {
    const step = run(before.document);
    return {
      document: step.document,
      notes: [...before.notes, ...step.notes],
      problems: [...before.problems, ...step.problems],
      namesRuntime: before.namesRuntime || step.namesRuntime,
    };
  }, unchanged(document));
}
