import type { ImagePath } from '../base/image-path.ts';
import { escapeGlob, type Glob, parseGlob } from '../trust/glob.ts';
import { type ClosureParts, closureOf } from './elf-closure.ts';
import { type GuardRule, guardRules } from './guard-rules.ts';
import { filesMatching } from './matching-files.ts';

/**
 * The files that {@link guardRules} add to those that were opened, and all that ELF files and scripts among both need: real paths,
 * each with the reason, without what was opened itself. `opened` holds real paths of regular files.
 */
export async function guardFiles(
  opened: ReadonlySet<ImagePath>,
  parts: ClosureParts,
): Promise<ReadonlyMap<ImagePath, string>> {
  const guarded = new Map<ImagePath, string>();
  const paths = [...opened].sort();
  for (const rule of guardRules) {
    for (const glob of globsOf(rule, paths, parts)) {
      for (const path of filesMatching(parts.tree, glob)) {
        if (opened.has(path) || rule.except?.test(path.slice(glob.base.length))) continue;
        if (!guarded.has(path)) guarded.set(path, rule.reason);
      }
    }
  }
  for (const path of await closureOf([...opened, ...guarded.keys()], parts)) {
    guarded.set(path, 'a library or interpreter that a trusted file needs');
  }
  return guarded;
}

/** The patterns of a rule for what was opened, each once. */
function globsOf(rule: GuardRule, paths: readonly ImagePath[], parts: ClosureParts): readonly Glob[] {
  const patterns = new Set<string>();
  const add = (groups: readonly string[]) => {
    for (const pattern of rule.adds) for (const each of filledIn(pattern, groups, parts)) patterns.add(each);
  };
  if (rule.when === undefined) add([]);
  else {
    for (const path of paths) {
      const match = rule.when.exec(path);
      if (match) add(match.slice(1));
    }
  }
  return [...patterns].map(parseGlob);
}

/** `{lib}` stands for each of the directories of libraries. */
function filledIn(
  pattern: string,
  groups: readonly string[],
  { libraryDirectories }: ClosureParts,
): readonly string[] {
  const filled = pattern.replace(/\$(\d)/g, (_, number: string) =>
    escapeGlob((groups[Number(number) - 1] ?? '') as ImagePath),
  );
  if (!filled.includes('/{lib}')) return [filled];
  return libraryDirectories.map((directory) => filled.replace('/{lib}', () => escapeGlob(directory)));
}
