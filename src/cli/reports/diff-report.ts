import { escapeControls } from '../../base/printable-text.ts';
import type { FactKind, ImageChange, ImageDifference } from '../../index.ts';
import { directoryGroups, type FileGroup, factKinds, isSame, showChange } from '../../parts.ts';

const titles: Readonly<Record<FactKind, string>> = {
  signature: 'signature',
  runtime: 'runtime and launch files',
  keys: 'keys of the manifest',
  environment: 'environment inside',
  start: 'configuration',
  files: 'files',
  trusted: 'names that the enclave may open',
};

/** More directories than these are shown by those above them. */
const mostDirectories = 40;
/** Files of a directory that has no more changes than these are named. */
const mostNamed = 5;

/** What changed, part by part; files by directory, all of them by name if asked for. */
export function differenceText(difference: ImageDifference, isVerbose: boolean): string {
  if (isSame(difference)) return 'nothing differs\n';
  const parts = factKinds.flatMap((kind) => {
    const changes = difference[kind];
    if (changes.length === 0) return [];
    const isByDirectory = (kind === 'files' || kind === 'trusted') && !isVerbose;
    const lines = isByDirectory ? fileLines(changes) : changes.map(showChange);
    return [`${titles[kind]}: ${countsOf(changes)}`, ...lines.map((line) => `  ${line}`)];
  });
  return `${parts.map((line) => escapeControls(line).replaceAll('\n', '\\n')).join('\n')}\n`;
}

function fileLines(changes: readonly ImageChange[]): readonly string[] {
  return directoryGroups(changes, mostDirectories).flatMap((group) => linesOf(group));
}

function linesOf({ directory, changes }: FileGroup): readonly string[] {
  if (changes.length <= mostNamed) return changes.map(showChange);
  return [`${directory}/: ${countsOf(changes)}`];
}

function countsOf(changes: readonly ImageChange[]): string {
  const kinds = ['added', 'removed', 'changed'] as const;
  return kinds
    .map((wanted) => [changes.filter(({ kind }) => kind === wanted).length, wanted] as const)
    .filter(([count]) => count > 0)
    .map(([count, wanted]) => `${count} ${wanted}`)
    .join(', ');
}
