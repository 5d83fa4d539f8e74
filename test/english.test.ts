import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { parseAst } from 'vite';
import { describe, expect, test } from 'vitest';

/** A phrase that is not idiomatic: how to find it, what to write, and sentences that the rule must and must not find. */
interface Phrase {
  readonly pattern: RegExp;
  readonly better: string;
  readonly bad: readonly string[];
  readonly good?: readonly string[];
}

const phrases: readonly Phrase[] = [
  {
    pattern: /(?<!\bthere )\b(?:is|are|was|were|be|means) no (?!longer\b|more\b|less\b|better\b|worse\b)\w/i,
    better: 'is not a',
    bad: ['this is no image', 'a mirror that is no URL', 'where is no Engine'],
    good: ['there is no image', 'it is no longer there', 'There are no tags'],
  },
  {
    pattern: /\b(?:but|as|for|found) no (?:container image|directory|file|URL|number|digest)\b/i,
    better: 'not a',
    bad: ['it is there, but no directory'],
  },
  {
    pattern: /(?<!\b(?:there|which|that) )\b(?:is|are|be|was) none\b(?! (?:left|yet|of)\b)/i,
    better: 'is not one, or does not exist',
    bad: ['the working directory X is none: it is a file'],
    good: ['undefined if there is none', 'if there are none yet'],
  },
  { pattern: /\banew\b/i, better: 'again', bad: ['build it anew'] },
  {
    pattern: /\b(?:nobody|somebody|everybody|anybody)\b/i,
    better: 'the passive voice, or who it is',
    bad: ['nobody checks it', 'Everybody may write'],
  },
  {
    pattern:
      /(?<!\b(?:one|some|each|all|part) )\bof (?:its|their|his|one's|our|your) own(?! [a-z]+s?\b(?<! (?:to|for|in|at|on|and|or|that|which|is|are|with|where|from|by|since|as|than|there|here|does)))/i,
    better: 'its own X',
    bad: ['it has helpers of its own', 'a mount of its own in the tmpfs'],
    good: ['its own helpers', 'a link to one of its own parents', 'the directory of its own glibc'],
  },
  {
    pattern: /\bcounts? (?:from|nothing|for nothing)\b/i,
    better: 'is relative to',
    bad: ['paths count from it'],
  },
  { pattern: /\b(?:is|are|was|were|be) told\b/i, better: 'is reported, or gets', bad: ['the user is told'] },
  {
    pattern: /\b(?:goes?|comes?) before (?:it|that|a|an|the|others?)\b/i,
    better: 'takes precedence over',
    bad: ['--runtime goes before it'],
  },
  {
    pattern: /\b(?:can|could|cannot|may|must) be had\b/i,
    better: 'is available, or could be read',
    bad: ['it cannot be had'],
  },
  {
    pattern: /\b(?:is|are|was|were) (?:not )?to (?:be|lie|have|go|stay)\b/i,
    better: 'must, should or will',
    bad: ['what is to be decided', 'the directory that it is to lie in'],
  },
  {
    pattern: /\b(?:lies?|lay) (?:in|at|on|there|here|elsewhere|beside|directly|deeper|below|above)\b/i,
    better: 'is in',
    bad: ['a file that lies in a tmpfs', 'where it lies there'],
    good: ['the header lies outside the file'],
  },
  {
    pattern: /\b(?:that|this|which) is said\b|\bwas overridden is said\b/i,
    better: 'a note says so',
    bad: ['and that is said'],
  },
  {
    pattern: /\b(?:is|are|was|be) (?:not )?understood\b/i,
    better: 'is supported, or unexpected response',
    bad: ['it is not understood'],
  },
  {
    pattern: /\bmade up\b(?! of)/i,
    better: 'synthesized',
    bad: ['a made up name'],
    good: ['made up of two parts'],
  },
  {
    pattern: /\bas (?:it|they|one) should\b/i,
    better: 'what went wrong',
    bad: ['it does not work as it should'],
  },
  {
    pattern: /\b(?:hold|holds|held|holding)(?: \w+){0,3} against\b/i,
    better: 'checked against',
    bad: ['held against the list', 'hold it against the root'],
  },
  {
    pattern: /\bcomes? (?:twice|more than once)\b/i,
    better: 'appears twice',
    bad: ['a layer that comes twice'],
  },
  {
    pattern:
      /(?<!\b(?:left|leaves?|leaving|stays?)\b[^.;]{0,30})\bbehind\b(?! (?:an? |the )?(?:\w+ )?(?:prox(?:y|ies)|load balancers?|firewall)\b)/i,
    better: 'after, or through',
    bad: ['a comma behind the last key', 'the names behind a link'],
    good: ['behind a proxy', 'behind an HTTP proxy', 'it leaves no files behind'],
  },
  {
    pattern: /\b(?:otherwise|else) than\b/i,
    better: 'other than, or differently from',
    bad: ['written otherwise than the release wants'],
  },
  { pattern: /\b(?:says?|said) of\b/i, better: 'says about', bad: ['what it says of the step'] },
  {
    pattern: /\bhow (?:\w+ ){1,4}(?:is|are) called\b/i,
    better: 'the name of',
    bad: ['How the result is called'],
  },
  {
    pattern: /\w (?:to begin with)\b/,
    better: 'a first X',
    bad: ['a manifest to begin with'],
    good: ['To begin with, build an image'],
  },
  { pattern: /\bline ends\b/i, better: 'line endings', bad: ['Windows line ends'] },
  { pattern: /\blog-ins?\b/i, better: 'login', bad: ['a log-in'] },
  {
    pattern: /\b(?:is|are) there already\b|\bsuch a \w+ already\b/i,
    better: 'exists already',
    bad: ['the image is there already'],
  },
  {
    pattern: /\b(?:can(?:not)?|could|may) be asked\b/i,
    better: 'can be reached or queried',
    bad: ['the registry cannot be asked'],
  },
  {
    pattern: /\bwithout a word\b|\bin vain\b/i,
    better: 'silently; without effect',
    bad: ['they start without a word'],
  },
  {
    pattern: /\b(?:in a circle|run in circles)\b/i,
    better: 'form a loop',
    bad: ['the links go in a circle'],
  },
  { pattern: /\bhas a part in\b/i, better: 'is involved in', bad: ['no service has a part in it'] },
  {
    pattern: /\bthat (?:is|are) meant\b/i,
    better: 'the intended X',
    bad: ['before the value that is meant'],
  },
  {
    pattern: /\b(?:is|are) of (?:an)?(?:other|older|newer)\b/i,
    better: 'is from another',
    bad: ['it is of another family'],
  },
  {
    pattern: /\b(?:lists?|with|name|names) what there is\b/i,
    better: 'lists the X',
    bad: ['docker images lists what there is'],
  },
  { pattern: /\b(?:the|all) talk\b/i, better: 'everything else', bad: ['stderr is the talk'] },
  {
    pattern: /\b(?:behaves?|works?|runs?) otherwise\b/i,
    better: 'behaves differently',
    bad: ['programs that look at their name behave otherwise'],
  },
  {
    pattern: /\bdefaults? counts?\b|\bcounts? (?:then|in the end)\b/i,
    better: 'applies',
    bad: ["so that Gramine's defaults count"],
  },
  {
    pattern: /\brefused something\b|\bnothing unfinished\b/i,
    better: 'what it was',
    bad: ['nothing unfinished was left behind'],
  },
  {
    pattern: /\bas it wants\b|\bfinds? out again\b|\bfound out again\b/i,
    better: 'computed again',
    bad: ['it is found out again'],
  },
];

/** The phrases in a text, each with its surroundings and what to write. */
function findPhrases(text: string): readonly string[] {
  return phrases.flatMap(({ pattern, better }) =>
    [...text.matchAll(new RegExp(pattern.source, `${pattern.flags}g`))].map(({ index, 0: found }) => {
      const around = text.slice(Math.max(0, index - 40), index + found.length + 40);
      return `"${found}": write "${better}": …${around.trim()}…`;
    }),
  );
}

/** Markdown without code and with each paragraph on one line. */
function proseOf(markdown: string): string {
  return markdown
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/^ {4}.*$/gm, '')
    .replace(/`[^`\n]*`/g, 'X')
    .replace(/\n(?!\n|\s*[-*|#]|\s*\d+\.)\s*/g, ' ');
}

const documents = [
  ...readdirSync('.').filter((file) => file.endsWith('.md')),
  ...['docs', 'src', 'test', 'bench', 'samples', 'scripts', 'runtime-standin'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md') && file !== 'api-report.md')
      .map((file) => join(folder, file)),
  ),
];

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join('src', file));

/** The literals of a TypeScript file with at least two words on one line (longer ones are programs); `…` is what a template puts in. */
function literalsOf(source: string): readonly string[] {
  const literals: string[] = [];
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(walk);
    if (node === null || typeof node !== 'object' || Array.isArray(node)) return;
    const { type, value, quasis, ...rest } = node as Record<string, unknown>;
    if (type === 'Literal' && typeof value === 'string') literals.push(value);
    if (type === 'TemplateLiteral') literals.push(textOf(quasis as readonly TemplateElement[]));
    Object.values({ ...rest, value }).forEach(walk);
  };
  walk(parseAst(transformSync(source, { loader: 'ts', charset: 'utf8' }).code));
  return literals.filter((text) => /[a-z] \S/i.test(text) && !text.trim().includes('\n'));
}

interface TemplateElement {
  readonly value: { readonly cooked: string };
}

function textOf(quasis: readonly TemplateElement[]): string {
  return quasis.map(({ value }) => value.cooked).join('…');
}

test('each phrase is found in the wrong sentences and not in the right ones', () => {
  for (const { pattern, bad, good = [] } of phrases) {
    for (const text of bad) expect(text, String(pattern)).toMatch(pattern);
    for (const text of good) expect(text, String(pattern)).not.toMatch(pattern);
  }
});

test('literals are found in calls, templates and objects', () => {
  const source = 'f({ a: "one two" as const }, `three $X four`); const t: "five six" = g;'.replace(
    '$X',
    '$' + '{x}',
  );
  expect(literalsOf(source)).toEqual(['one two', 'three … four']);
});

describe('plain English', () => {
  test.each(documents)('in %s', (file) => {
    expect(findPhrases(proseOf(readFileSync(file, 'utf8')))).toEqual([]);
  });

  test('in the messages, hints and help of src', () => {
    const found = sources.flatMap((file) =>
      literalsOf(readFileSync(file, 'utf8')).flatMap((text) =>
        findPhrases(text).map((problem) => `${file}: ${problem}`),
      ),
    );
    expect(found).toEqual([]);
  });
});
