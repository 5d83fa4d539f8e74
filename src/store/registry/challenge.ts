/** One way to authenticate that a server offers. RFC 9110, 11.6.1. */
export interface Challenge {
  /** In small letters: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in small letters. */
  readonly parameters: ReadonlyMap<string, string>;
}

const separators = /[\s,]*/y;
const parameter =
  /([!#$%&'*+\-.^_`|~\w]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+\-.^_`|~:/\w]+))(?=\s*(?:,|$))/y;
const scheme = /([!#$%&'*+\-.^_`|~\w]+)(?:\s+|\s*$|(?=\s*,))/y;
const token68 = /[\w\-.~+/]+=*(?=\s*(?:,|$))/y;

/** Reads `WWW-Authenticate`, one or several of them. What does not follow the grammar, and all after it, is left out. */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  const lines = typeof header === 'string' ? [header] : (header ?? []);
  return lines.flatMap(parseLine);
}

function parseLine(text: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  for (take(separators); at < text.length; take(separators)) {
    const current = challenges.at(-1);
    const pair = current && take(parameter);
    if (pair) {
      const name = (pair[1] ?? '').toLowerCase();
      // The first of two equal names counts; a second one is no better.
      if (!current.parameters.has(name)) current.parameters.set(name, unquote(pair));
      continue;
    }
    const found = take(scheme);
    if (!found) break;
    challenges.push({ scheme: (found[1] ?? '').toLowerCase(), parameters: new Map() });
    if (!startsParameter(text, at)) take(token68);
  }
  return challenges;
}

function startsParameter(text: string, at: number): boolean {
  parameter.lastIndex = at;
  return parameter.test(text);
}

function unquote(pair: RegExpExecArray): string {
  return pair[2] === undefined ? (pair[3] ?? '') : pair[2].replace(/\\(.)/g, '$1');
}
