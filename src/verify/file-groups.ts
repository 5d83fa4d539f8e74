import type { ImageChange } from './diff-facts.ts';

/** Changes of files below one directory. */
export interface FileGroup {
  readonly directory: string;
  readonly changes: readonly ImageChange[];
}

/**
 * Changes of files by directory, sorted: by their own if there are no more than `most` of them, else by the deepest level of
 * directories that has so few (by the top level in any case).
 */
export function directoryGroups(changes: readonly ImageChange[], most: number): readonly FileGroup[] {
  const deepest = Math.max(1, ...changes.map(({ subject }) => subject.split('/').length - 2));
  for (let depth = deepest; depth > 1; depth -= 1) {
    const groups = groupsAt(changes, depth);
    if (groups.length <= most) return groups;
  }
  return groupsAt(changes, 1);
}

function groupsAt(changes: readonly ImageChange[], depth: number): readonly FileGroup[] {
  const groups = new Map<string, ImageChange[]>();
  for (const change of changes) {
    const components = change.subject.split('/').slice(1, -1);
    const directory = `/${components.slice(0, depth).join('/')}`;
    const known = groups.get(directory);
    if (known) known.push(change);
    else groups.set(directory, [change]);
  }
  return [...groups]
    .map(([directory, below]) => ({ directory, changes: below }))
    .sort((a, b) => (a.directory < b.directory ? -1 : 1));
}
