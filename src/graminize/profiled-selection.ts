import { type ImagePath, showBytes } from '../base/image-path.ts';
import type { Profile } from '../profile/profile.ts';
import type { ClosureParts } from '../trace/elf-closure.ts';
import { guardFiles } from '../trace/guard-files.ts';
import { filesMatching } from '../trace/matching-files.ts';
import { engineFiles } from '../trust/exclusion-rules.ts';
import { escapeGlob, parseGlob } from '../trust/glob.ts';
import { type SelectOptions, selectTrustedFiles, type TrustedSelection } from '../trust/trusted-files.ts';

/** A profile and what messages call it. */
export interface GivenProfile {
  readonly profile: Profile;
  readonly subject: string;
}

/** Why a file is in a traced list. */
export type ProfileBasis =
  | { readonly kind: 'traced'; readonly byProgram: ReadonlyMap<string, number> }
  | { readonly kind: 'guarded'; readonly reason: string }
  /** An option or the start of the application asks for it. */
  | { readonly kind: 'required' };

/** The trusted files of a build with a profile. */
export interface ProfiledSelection {
  readonly selection: TrustedSelection;
  /** By real path. */
  readonly basis: ReadonlyMap<ImagePath, ProfileBasis>;
  /** What the user should know of the profile. */
  readonly notes: readonly string[];
}

/** How many patterns that match nothing a note shows. */
const shownPatterns = 3;

/**
 * Of the files that a build would trust, those that a profile names, those that guard rules add to them, and what starting and
 * the options ask for. What the profile names is trusted where a built-in rule leaves it out too, unless the engine
 * replaces it in every container.
 */
export async function selectByProfile(
  { profile, subject }: GivenProfile,
  options: SelectOptions,
  parts: ClosureParts,
): Promise<ProfiledSelection> {
  const { traced, unmatched } = tracedFiles(profile, parts);
  const all = selectOverRules(traced, options, parts);
  const basis = new Map<ImagePath, ProfileBasis>();
  for (const path of requiredFiles(options, parts)) basis.set(path, { kind: 'required' });
  for (const [path, byProgram] of traced) basis.set(path, { kind: 'traced', byProgram });
  for (const [path, reason] of await guardFiles(new Set(basis.keys()), parts)) {
    basis.set(path, { kind: 'guarded', reason });
  }
  const rule = {
    rule: subject,
    reason: 'it was not opened when the profile was made',
    origin: 'profile',
  } as const;
  const left = all.trusted.filter(({ path, via }) => via === undefined && !basis.has(path));
  const excluded = [...all.excluded, ...left.map(({ path, sizeBytes }) => ({ path, sizeBytes, ...rule }))];
  const sizeBytes = left.reduce((sum, file) => sum + file.sizeBytes, 0);
  return {
    selection: {
      ...all,
      trusted: all.trusted.filter(({ path, via = path }) => basis.has(via)),
      excluded,
      exclusions: [
        ...all.exclusions,
        ...(left.length > 0 ? [{ ...rule, count: left.length, sizeBytes }] : []),
      ],
    },
    basis,
    notes: unmatched.length > 0 ? [unmatchedNote(subject, unmatched)] : [],
  };
}

interface TracedFiles {
  readonly traced: ReadonlyMap<ImagePath, ReadonlyMap<string, number>>;
  readonly unmatched: readonly string[];
}

function tracedFiles({ entries }: Profile, { tree }: ClosureParts): TracedFiles {
  const traced = new Map<ImagePath, ReadonlyMap<string, number>>();
  const unmatched: string[] = [];
  for (const { pattern, byProgram } of entries) {
    const files = [...filesMatching(tree, parseGlob(pattern))];
    if (files.length === 0) unmatched.push(pattern);
    for (const path of files) if (!engineFiles.has(path)) traced.set(path, byProgram);
  }
  return { traced, unmatched };
}

/** A line of a profile is a wish by name: it counts against the built-in rules, not against `--exclude`. */
function selectOverRules(
  traced: ReadonlyMap<ImagePath, unknown>,
  options: SelectOptions,
  { tree }: ClosureParts,
): TrustedSelection {
  const byRules = selectTrustedFiles(tree, options);
  const wanted = byRules.excluded.filter(({ path, origin }) => origin === 'built-in' && traced.has(path));
  if (wanted.length === 0) return byRules;
  const trust = [...(options.trust ?? []), ...wanted.map(({ path }) => escapeGlob(path))];
  return selectTrustedFiles(tree, { ...options, trust });
}

function requiredFiles(
  { required = [], trust = [] }: SelectOptions,
  { tree }: ClosureParts,
): readonly ImagePath[] {
  return [...required, ...trust.flatMap((pattern) => [...filesMatching(tree, parseGlob(pattern))])];
}

function unmatchedNote(subject: string, patterns: readonly string[]): string {
  const shown = patterns.slice(0, shownPatterns).map(showBytes).join(', ');
  const more = patterns.length > shownPatterns ? `, and ${patterns.length - shownPatterns} more` : '';
  return `${subject}: the image has nothing for ${shown}${more}: trace it again with gsc trace --add if it has changed`;
}
