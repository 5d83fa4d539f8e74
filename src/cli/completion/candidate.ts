/** What a word may become: the whole word, and what a shell shows next to it. */
export interface Candidate {
  readonly text: string;
  readonly description?: string;
}

/** Those of a list of words that begin with what was typed. */
export function beginning(typed: string, words: readonly string[]): readonly Candidate[] {
  return words.filter((word) => word.startsWith(typed)).map((text) => ({ text }));
}

/** Candidates for the rest of a word, after what stays as it is. */
export function after(prefix: string, candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.map(({ text, ...more }) => ({ text: `${prefix}${text}`, ...more }));
}

/** A candidate on a line, its description after a tab; names with control characters cannot be shown so and are left out. */
export function showCandidates(candidates: readonly Candidate[]): string {
  return candidates
    .filter(({ text }) => !/\p{Cc}/u.test(text))
    .map(({ text, description }) => `${text}${description === undefined ? '' : `\t${description}`}\n`)
    .join('');
}
