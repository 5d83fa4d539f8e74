// Makes the manual pages gsc.1, gsc-build.1, … of README.md and the pages in docs/: node scripts/man-pages.mjs DIRECTORY.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Marked } from 'marked';
import markedMan from 'marked-man';

const [directory = 'dist/man'] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const epoch = process.env.SOURCE_DATE_EPOCH;
/** mandoc(1) wants up to 80 characters, two of which are left for `\\&`. */
const longestLine = 78;
const date = epoch === undefined ? Date.now() : Number(epoch) * 1000;

// Tables become lists of terms: options, and what they mean, at any width of the terminal.
const lists = {
  tablecell: (content) => `${content.trim()}\u0001`,
  tablerow: (content) => {
    const [term = '', ...rest] = content.split('\u0001').slice(0, -1);
    const meaning = rest.filter((cell) => cell !== '').join('; ');
    // The term of .TP is one line.
    return widthOf(term) > longestLine ? `.P\n${term}\n.RS\n${meaning}\n.RE\n` : `.TP\n${term}\n${meaning}\n`;
  },
  table: (_header, body) => body,
};
const converter = new Marked(
  { ...markedMan, manVersion: version, manual: 'gsc', date, breaks: false },
  { renderer: lists },
);

/** What README.md says about each command; a row may be about several. */
const summaries = new Map(
  [...readFileSync('README.md', 'utf8').matchAll(/^\| (\[`gsc [^|]*) \| ([^|]*) \|$/gm)].flatMap(
    ([, names, text]) =>
      [...names.matchAll(/`gsc ([\w-]+)`/g)].map(([, name]) => [`gsc-${name}`, withoutLinks(text)]),
  ),
);

mkdirSync(directory, { recursive: true });
for (const file of readdirSync('docs').filter((name) => /^gsc-.*\.md$/.test(name))) {
  const name = file.replace(/\.md$/, '');
  const summary = summaries.get(name);
  if (summary === undefined) throw new Error(`README.md has no line for ${name}`);
  write(name, commandPage(name, summary, readFileSync(join('docs', file), 'utf8')));
}
write('gsc', overview());

/** The page, with the headings that manual pages have. */
function commandPage(name, summary, text) {
  const [, synopsis, rest] = /^# [^\n]*\n\n((?: {4}[^\n]*\n)+)\n(.*)$/s.exec(text) ?? [];
  if (synopsis === undefined) throw new Error(`docs/${name}.md: expected a heading and how it is called`);
  return `# ${name}(1) -- ${summary}\n\n## SYNOPSIS\n\n${synopsis}\n## DESCRIPTION\n\n${withoutLinks(rest)}\n## SEE ALSO\n\ngsc(1)\n`;
}

function overview() {
  const rows = [...summaries].map(([name, summary]) => `| ${name}(1) | ${summary} |`).join('\n');
  return `# gsc(1) -- runs the application of a container image in an Intel SGX enclave, on Gramine

## SYNOPSIS

    gsc COMMAND [options] …

## DESCRIPTION

Turns a container image into one whose application runs inside an Intel SGX enclave. Each command has its own page.

| command | purpose |
|---|---|
${rows}
`;
}

/** A link to another command's page names that page; all other links are their text. */
function withoutLinks(text) {
  return text
    .replace(/\[[^\]]*\]\((?:docs\/)?(gsc-[\w-]+)\.md[^)]*\)/g, '$1(1)')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
}

function write(name, markdown) {
  writeFileSync(join(directory, `${name}.1`), tidy(converter.parse(markdown)));
}

/**
 * What mandoc(1) and groff would complain about: blank lines, paragraphs next to headings, blanks at the ends of lines, long lines, and
 * dates that are not ISO 8601.
 */
function tidy(roff) {
  let isFilled = true;
  let isTerm = false;
  const lines = roff
    .replace(/^(\.TH "[^"]*" "[^"]*") "[^"]*"/, `$1 "${new Date(date).toISOString().slice(0, 10)}"`)
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{2,}/g, '\n')
    .replace(/^(\.S[HS] .*)\n\.P$/gm, '$1')
    .trim()
    .split('\n')
    .flatMap((line) => {
      if (/^\.(?:nf|fi)/.test(line)) isFilled = line.startsWith('.fi');
      const folded = isFilled && !isTerm && !line.startsWith('.') ? fold(line) : [line];
      isTerm = line === '.TP';
      return folded;
    });
  return `${lines.join('\n')}\n`;
}

/** A character that is not ASCII is written as `\\[u2026]` before lines are measured. */
function widthOf(text) {
  return [...text].reduce((sum, character) => sum + (character > '\u007f' ? 8 : 1), 0);
}

/** Lines of up to 80 characters; none begins as a request of roff would. */
function fold(line) {
  const lines = [''];
  for (const word of line.split(' ')) {
    const last = lines.at(-1);
    if (last !== '' && widthOf(last) + 1 + widthOf(word) > longestLine)
      lines.push(/^[.']/.test(word) ? `\\&${word}` : word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
