import { GscError } from './error.ts';

/** What one component of a glob stands for: one name, names of a form, or any number of components (`**`). */
export type ComponentPattern =
  | { readonly kind: 'literal'; readonly name: string }
  | { readonly kind: 'form'; readonly tokens: readonly Token[]; readonly suffix: string }
  | { readonly kind: 'deep' };

type Token =
  | { readonly kind: 'literal'; readonly character: string }
  | { readonly kind: 'any' | 'one' }
  | { readonly kind: 'class'; readonly isNegated: boolean; readonly ranges: readonly Range[] };

/** The first and the last code point. */
type Range = readonly [number, number];

/**
 * Reads one component, see `Glob`. A text is read by code points, a string of bytes by bytes. `subject` is what errors are
 * about. Throws a `usage` error for a range that runs backwards.
 */
export function parseComponent(component: string, subject: string): ComponentPattern {
  if (component === '**') return { kind: 'deep' };
  const tokens: Token[] = [];
  const lastClosing = component.lastIndexOf(']');
  for (let at = 0; at < component.length; ) {
    const [token, length] = nextToken(component.slice(at), { mayClose: at < lastClosing, subject });
    tokens.push(token);
    at += length;
  }
  const lastWild = tokens.findLastIndex(({ kind }) => kind !== 'literal');
  const suffix = tokens
    .slice(lastWild + 1)
    .map(characterOf)
    .join('');
  return lastWild < 0 ? { kind: 'literal', name: suffix } : { kind: 'form', tokens, suffix };
}

/** How many characters stand for themselves. */
export function literalCount(pattern: ComponentPattern): number {
  if (pattern.kind === 'deep') return 0;
  if (pattern.kind === 'literal') return pattern.name.length;
  return pattern.tokens.filter(({ kind }) => kind === 'literal').length;
}

/**
 * True if the pattern stands for the whole name; never for `**`. After a failure only the last `*` takes one more
 * character, so the time is bounded by the product of both lengths.
 */
export function matchesComponent(pattern: ComponentPattern, name: string): boolean {
  if (pattern.kind !== 'form') return pattern.kind === 'literal' && pattern.name === name;
  const { tokens, suffix } = pattern;
  if (!name.endsWith(suffix)) return false;
  const characters = [...name];
  let [at, used] = [0, 0];
  let star: { readonly at: number; used: number } | undefined;
  while (at < tokens.length || used < characters.length) {
    const token = tokens[at];
    if (token?.kind === 'any') {
      at += 1;
      star = { at, used };
    } else if (token && used < characters.length && matchesOne(token, characters[used] ?? '')) {
      [at, used] = [at + 1, used + 1];
    } else {
      if (star === undefined || star.used >= characters.length) return false;
      star.used += 1;
      [at, used] = [star.at, star.used];
    }
  }
  return true;
}

function matchesOne(token: Token, character: string): boolean {
  switch (token.kind) {
    case 'literal':
      return token.character === character;
    case 'any':
    case 'one':
      return true;
    case 'class': {
      const code = codeOf(character);
      return token.ranges.some(([first, last]) => code >= first && code <= last) !== token.isNegated;
    }
  }
}

/** The token at the start of a text, and how long it is there. Without a bracket that closes there is no class. */
function nextToken(
  rest: string,
  { mayClose, subject }: { readonly mayClose: boolean; readonly subject: string },
): readonly [Token, number] {
  const [, sign = '', members = ''] = (mayClose && /^\[([!^]?)(\]?[^\]]*)\]/.exec(rest)) || [];
  if (members !== '') {
    const ranges = rangesOf(members, subject);
    return [{ kind: 'class', isNegated: sign !== '', ranges }, sign.length + members.length + 2];
  }
  const [character = '', next] = rest;
  if (character === '*') return [{ kind: 'any' }, 1];
  if (character === '?') return [{ kind: 'one' }, 1];
  if (character === '\\' && next !== undefined)
    return [{ kind: 'literal', character: next }, 1 + next.length];
  return [{ kind: 'literal', character }, character.length];
}

/** The members of a class; a `-` first or last is itself. */
function rangesOf(members: string, subject: string): readonly Range[] {
  const characters = [...members];
  const ranges: Range[] = [];
  for (let i = 0; i < characters.length; i++) {
    const [from = '', dash, to] = characters.slice(i, i + 3);
    const isRange = dash === '-' && to !== undefined;
    if (isRange) i += 2;
    const range: Range = [codeOf(from), codeOf(isRange ? to : from)];
    if (range[0] > range[1]) throw backwards(`${from}-${to}`, subject);
    ranges.push(range);
  }
  return ranges;
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? -1;
}

function characterOf(token: Token): string {
  return token.kind === 'literal' ? token.character : '';
}

function backwards(range: string, subject: string): GscError {
  return new GscError({
    code: 'usage',
    subject,
    message: `the range ${range} runs backwards`,
    hint: 'write the lower character first, or \\[ for a bracket itself',
  });
}
