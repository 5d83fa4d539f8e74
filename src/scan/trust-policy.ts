import { type ByteString, componentsOf, type ImagePath } from '../base/image-path.ts';
import { type ExclusionRule, exclusionRules } from './exclusion-rules.ts';

/** Changes to the built-in rules. Each path stands for itself and all below it. */
export interface TrustOptions {
  readonly trust: readonly ImagePath[];
  readonly exclude: readonly ImagePath[];
}

/** The reason that goes with a path of `--exclude`. */
export const excludedByOption = 'left out by an option (--exclude)';

interface Rule {
  readonly components: readonly RegExp[];
  /** The rule that excludes, or undefined where the user trusts. */
  readonly excludes: ExclusionRule | undefined;
}

/**
 * Says which rule leaves a path out. The rule with the longest path decides; of equally long ones `--exclude` comes before
 * `--trust`, and both before the built-in rules.
 */
export class TrustPolicy {
  /** By descending precedence, per first component; rules for `/` itself are under the empty name. */
  readonly #rules = new Map<ByteString, Rule[]>();

  constructor(options: TrustOptions) {
    const excluded = options.exclude.map((path) =>
      userRule(path, { pattern: path, reason: excludedByOption }),
    );
    const trusted = options.trust.map((path) => userRule(path, undefined));
    const builtIn = exclusionRules.map((rule) => ({ components: patternOf(rule.pattern), excludes: rule }));
    for (const { first, rule } of [...excluded, ...trusted]) this.#add(first, rule);
    for (const rule of builtIn) this.#add(rule.excludes.pattern.split('/')[1] ?? '', rule);
    for (const rules of this.#rules.values()) {
      rules.sort((a, b) => b.components.length - a.components.length);
    }
  }

  /** The rule that leaves the path out, or undefined if the path is trusted. */
  exclusionOf(path: ImagePath): ExclusionRule | undefined {
    const second = path.indexOf('/', 1);
    const first = second < 0 ? path.slice(1) : path.slice(1, second);
    const rules = this.#rules.get(first);
    const general = this.#rules.get('')?.[0]?.excludes;
    if (rules === undefined || path === '/') return general;
    const components = componentsOf(path);
    const decisive = rules.find((rule) => matches(rule, components));
    return decisive === undefined ? general : decisive.excludes;
  }

  #add(first: ByteString, rule: Rule): void {
    const rules = this.#rules.get(first);
    if (rules) rules.push(rule);
    else this.#rules.set(first, [rule]);
  }
}

function userRule(path: ImagePath, excludes: ExclusionRule | undefined): { first: ByteString; rule: Rule } {
  const components = componentsOf(path);
  return {
    first: components[0] ?? '',
    rule: { components: components.map((name) => new RegExp(`^${literal(name)}$`, 's')), excludes },
  };
}

function matches(rule: Rule, components: readonly ByteString[]): boolean {
  if (components.length < rule.components.length) return false;
  return rule.components.every((expression, i) => expression.test(components[i] ?? ''));
}

function patternOf(pattern: string): readonly RegExp[] {
  const names = pattern.slice(1).split('/');
  return names.map(
    (name) => new RegExp(`^${literal(name).replaceAll('\\*', '.*').replaceAll('\\?', '.')}$`, 's'),
  );
}

function literal(name: string): string {
  return name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
