import type { ByteString } from '../base/image-path.ts';

/** One line of a profile. */
export interface ProfileEntry {
  /** A path in the image, or a pattern of paths (`Glob`): starts with a slash. */
  readonly pattern: ByteString;
  /** Which programs opened it, and how often; empty for a line that a person wrote. */
  readonly byProgram: ReadonlyMap<string, number>;
  /** What a person wrote after the pattern; empty if nothing. */
  readonly note: string;
  /** The lines of comment above, each with its `#`. */
  readonly comments: readonly string[];
}

/** What an application was seen to open. */
export interface Profile {
  /** The lines of comment at the top, up to the first empty line. */
  readonly header: readonly string[];
  /** Sorted by pattern, each pattern once. */
  readonly entries: readonly ProfileEntry[];
  /** Comments after the last entry. */
  readonly footer: readonly string[];
}

/** A profile of what a trace has found. `header` has the lines at its top, without `#`. */
export function profileOf(entries: readonly ProfileEntry[], header: readonly string[]): Profile {
  return { header: header.map((line) => `# ${line}`.trimEnd()), entries: sortEntries(entries), footer: [] };
}

/** In the order of their bytes; entries of the same pattern become one. */
export function sortEntries(entries: readonly ProfileEntry[]): readonly ProfileEntry[] {
  const byPattern = new Map<ByteString, ProfileEntry>();
  for (const entry of entries) {
    const known = byPattern.get(entry.pattern);
    byPattern.set(entry.pattern, known ? joinEntries(known, entry) : entry);
  }
  return [...byPattern.values()].sort((a, b) => (a.pattern < b.pattern ? -1 : 1));
}

/** Counts are added; comments and notes that both have stay once. */
export function joinEntries(first: ProfileEntry, second: ProfileEntry): ProfileEntry {
  const byProgram = new Map(first.byProgram);
  for (const [program, count] of second.byProgram)
    byProgram.set(program, (byProgram.get(program) ?? 0) + count);
  const notes = [first.note, second.note].filter(
    (note, index, all) => note !== '' && all.indexOf(note) === index,
  );
  return {
    pattern: first.pattern,
    byProgram: new Map([...byProgram].sort(([a], [b]) => (a < b ? -1 : 1))),
    note: notes.join('; '),
    comments: [...first.comments, ...second.comments.filter((line) => !first.comments.includes(line))],
  };
}

/** Both together: the first one's comments at the top and bottom, then what the second one has besides. */
export function mergeProfiles(first: Profile, second: Profile): Profile {
  const besides = (of: readonly string[], known: readonly string[]) =>
    of.filter((line) => !known.includes(line));
  return {
    header: first.header.length > 0 ? first.header : second.header,
    entries: sortEntries([...first.entries, ...second.entries]),
    footer: [...first.footer, ...besides(second.footer, first.footer)],
  };
}
