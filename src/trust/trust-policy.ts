import { type ImagePath, parentOf } from '../base/image-path.ts';
import { PlaceIndex } from '../base/place-index.ts';
import { type ExclusionRule, exclusionRules } from './exclusion-rules.ts';
import { type Glob, matchGlob, parseGlob } from './glob.ts';

/** What decides about a file: gsc's own table, an option (`--exclude`), or the level of trust. */
export type ExclusionOrigin = 'built-in' | 'option' | 'level';

/** The rule that leaves a path out. */
export interface Exclusion extends ExclusionRule {
  readonly origin: ExclusionOrigin;
}

/** Changes to the built-in rules. */
export interface TrustOptions {
  readonly trust: readonly Glob[];
  readonly exclude: readonly Glob[];
  /** Rules of the level of trust. */
  readonly level?: readonly ExclusionRule[];
  /** Paths that are trusted whatever the rules say. */
  readonly required?: readonly ImagePath[];
}

/** The reason that goes with a path of `--exclude`. */
export const excludedByOption = 'left out by an option (--exclude)';

interface Rule {
  readonly glob: Glob;
  /** Its place among all rules: of equals the first one decides. */
  readonly rank: number;
  /** The rule that excludes, or undefined where the user trusts. */
  readonly excludes: Exclusion | undefined;
}

/**
 * Says which rule leaves a path out. Of the rules that match it or a directory above it, the one that matches deepest
 * decides; of equally deep ones the most exact one (with the most characters that are not wildcards); of equally exact ones
 * `--exclude` comes before `--trust`, and both before the built-in rules and those of the level.
 */
export class TrustPolicy {
  /** By the place that each pattern begins at. */
  readonly #rules: PlaceIndex<readonly Rule[]>;
  /** By the directory of that place. */
  readonly #rulesInside: ReadonlyMap<ImagePath, readonly Rule[]>;
  readonly #required: ReadonlySet<ImagePath>;
  /** The rules that can matter for names in one directory: trees are walked directory by directory. */
  #near: { readonly directory: ImagePath; readonly rules: readonly Rule[] } | undefined;

  constructor(options: TrustOptions) {
    this.#required = new Set(options.required);
    const rules = rulesOf(options);
    this.#rules = new PlaceIndex(groupBy(rules, ({ glob }) => glob.base));
    this.#rulesInside = groupBy(rules, ({ glob }) => parentOf(glob.base));
  }

  /** The rule that leaves the path out, or undefined if the path is trusted. */
  exclusionOf(path: ImagePath): Exclusion | undefined {
    return this.#required.has(path) ? undefined : this.#decisionOn(path);
  }

  /** The required paths that the user wants left out. */
  overruled(): readonly ImagePath[] {
    return [...this.#required].filter((path) => this.#decisionOn(path)?.origin === 'option');
  }

  #decisionOn(path: ImagePath): Exclusion | undefined {
    let best: Match | undefined;
    for (const rule of this.#rulesNear(parentOf(path))) {
      const depth = matchGlob(rule.glob, path);
      if (depth !== undefined && (best === undefined || isStronger({ rule, depth }, best))) {
        best = { rule, depth };
      }
    }
    return best?.rule.excludes;
  }

  #rulesNear(directory: ImagePath): readonly Rule[] {
    if (this.#near?.directory !== directory) {
      const rules = [...this.#rules.above(directory).flat(), ...(this.#rulesInside.get(directory) ?? [])];
      this.#near = { directory, rules: [...new Set(rules)] };
    }
    return this.#near.rules;
  }
}

function rulesOf({ exclude, trust, level = [] }: TrustOptions): readonly Rule[] {
  const rules: readonly (readonly [Glob, Exclusion | undefined])[] = [
    ...exclude.map((glob) => {
      const exclusion: Exclusion = { pattern: glob.pattern, reason: excludedByOption, origin: 'option' };
      return [glob, exclusion] as const;
    }),
    ...trust.map((glob) => [glob, undefined] as const),
    ...exclusionRules.map((rule) => [parseGlob(rule.pattern), { ...rule, origin: 'built-in' }] as const),
    ...level.map((rule) => [parseGlob(rule.pattern), { ...rule, origin: 'level' }] as const),
  ];
  return rules.map(([glob, excludes], rank) => ({ glob, excludes, rank }));
}

function groupBy<K, V>(values: readonly V[], keyOf: (value: V) => K): ReadonlyMap<K, readonly V[]> {
  const groups = new Map<K, V[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}

interface Match {
  readonly rule: Rule;
  readonly depth: number;
}

function isStronger(a: Match, b: Match): boolean {
  if (a.depth !== b.depth) return a.depth > b.depth;
  const more = a.rule.glob.literalCount - b.rule.glob.literalCount;
  return more === 0 ? a.rule.rank < b.rule.rank : more > 0;
}
