/** Something in a valid TOML text that came with TOML 1.1: Gramine's tools and its loader read TOML 1.0. */
export interface NewerSyntax {
  readonly offset: number;
  readonly what: string;
  /** How TOML 1.0 has it. */
  readonly instead: string;
}

/** Strings of the four kinds (up to two quotes may stand before the closing three), comments, times, and what nests. */
const tokens = new RegExp(
  [
    String.raw`"""(?:\\[\s\S]|[^\\])*?"{3,5}`,
    String.raw`'''[\s\S]*?'{3,5}`,
    String.raw`"(?:\\.|[^"\\\n])*"`,
    String.raw`'[^'\n]*'`,
    String.raw`#[^\n]*`,
    String.raw`\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:[+-]\d\d:\d\d)?`,
    String.raw`[{}[\],\n]`,
  ].join('|'),
  'g',
);

/** The first thing in a valid text that TOML 1.0 does not have; undefined if there is none. */
export function findNewerSyntax(text: string): NewerSyntax | undefined {
  const open: string[] = [];
  let comma: number | undefined;
  for (const { 0: token, index: offset } of text.matchAll(tokens)) {
    const found = open.at(-1) === '{' ? newerInTable(text, token, { offset, comma }) : undefined;
    const newer = found ?? newerToken(token, offset);
    if (newer !== undefined) return newer;
    if (token === '{' || token === '[') open.push(token);
    else if (token === '}' || token === ']') open.pop();
    comma = token === ',' ? offset : undefined;
  }
  return undefined;
}

interface Place {
  readonly offset: number;
  /** Of the comma that is the token before. */
  readonly comma: number | undefined;
}

function newerInTable(text: string, token: string, { offset, comma }: Place): NewerSyntax | undefined {
  if (token === '\n') {
    return { offset, what: 'a line break in an inline table', instead: 'write the table on one line' };
  }
  if (token !== '}' || comma === undefined || text.slice(comma + 1, offset).trim() !== '') return undefined;
  return {
    offset: comma,
    what: 'a comma after the last key of an inline table',
    instead: 'remove the comma',
  };
}

function newerToken(token: string, offset: number): NewerSyntax | undefined {
  const minutes = /^\d\d:\d\d(?!:)/.exec(token)?.[0];
  if (minutes !== undefined) {
    return { offset, what: 'a time without seconds', instead: `write ${minutes}:00` };
  }
  return token.startsWith('"') && token.includes('\\') ? newerEscape(token, offset) : undefined;
}

function newerEscape(string: string, offset: number): NewerSyntax | undefined {
  for (const { 0: sequence, index } of string.matchAll(/\\(?:x[0-9A-Fa-f]{2}|[\s\S])/g)) {
    const hex = sequence === '\\e' ? '1b' : sequence.startsWith('\\x') ? sequence.slice(2) : undefined;
    if (hex === undefined) continue;
    return { offset: offset + index, what: `the escape ${sequence}`, instead: `write \\u00${hex}` };
  }
  return undefined;
}
