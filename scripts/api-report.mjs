// The API of gsc and its export paths as text: what each exports, with its declaration, from the .d.ts files that tsc writes.
// node scripts/api-report.mjs [--write] [TYPES]: TYPES is dist/types by default; --write puts it into docs/api-report.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { libraryEntries } from './bundle.mjs';

const entries = Object.keys(libraryEntries).map((entry) => [
  entry === 'index' ? 'gsc' : `gsc/${entry}`,
  entry,
]);
const header = `# API report

What \`gsc\`, \`gsc/attest\`, \`gsc/tools\` and \`gsc/parts\` export, with its signatures. A test compares it with the code: a change of it is to be seen, and
wanted. Written by \`npm run api-report\` after \`npm run build\`; [library.md](library.md) says how to use it.
`;

const reExport = /^export (?:type )?\{([^}]*)\} from '(\.[^']+)\.ts';$/gm;

/** The report as Markdown. */
export function apiReport(types) {
  const parts = entries.map(([name, file]) => {
    const all = exportsOf(types, file).map(({ name: exported, from, local }) => {
      const text = declarationOf(types, from, local);
      return exported === local ? text : `${text}\n// exported as ${exported}`;
    });
    return `\n## ${name}\n\n\`\`\`ts\n${all.join('\n')}\n\`\`\`\n`;
  });
  return header + parts.join('');
}

/** Types in the signatures of what an entry exports that it does not export itself, as `file: name`. */
export function hiddenTypes(types, entry) {
  const shown = new Set(exportsOf(types, entry).map(({ from, local }) => `${from}: ${local}`));
  const hidden = new Set();
  for (const key of shown) {
    const [from, local] = key.split(': ');
    for (const used of typesIn(types, from, declarationOf(types, from, local))) {
      if (!shown.has(used)) hidden.add(used);
    }
  }
  return [...hidden].sort();
}

/** What an entry file exports, sorted by name: all of it comes from other files. */
export function exportsOf(types, entry) {
  const text = read(types, entry);
  const lists = text.matchAll(/^export (type )?\{([^}]*)\} from '\.\/([^']+)\.ts';$/gm);
  const found = [...lists].flatMap(([, , list, from]) =>
    list
      .split(',')
      .map((each) => each.trim().replace(/^type /, ''))
      .filter((each) => each !== '')
      .map((each) => {
        const [local, name = local] = each.split(' as ');
        return { name, ...originOf(types, from, local) };
      }),
  );
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Where a name is declared: a file may export it from another one. */
function originOf(types, from, local) {
  for (const [, list, next] of read(types, from).matchAll(reExport)) {
    for (const each of list.split(',')) {
      const [inner, outer = inner] = each
        .trim()
        .replace(/^type /, '')
        .split(' as ');
      if (outer === local) return originOf(types, join(dirname(from), next), inner);
    }
  }
  return { from, local };
}

/** A declaration without its comments. */
function declarationOf(types, file, name) {
  const found = statementsOf(types, file).find((statement) => nameOf(statement) === name);
  if (found === undefined) throw new Error(`${file}.d.ts does not declare ${name}`);
  return found.replace(/^export /, '');
}

/** tsc begins each statement of a file at the margin. */
function statementsOf(types, file) {
  const text = read(types, file).replace(/^[ ]*\/\*\*[\s\S]*?\*\/\n/gm, '');
  return text.split(/\n(?=(?:export|import|declare|interface|type)\b)/).map((each) => each.trim());
}

function nameOf(statement) {
  return /^(?:export )?(?:declare )?(?:abstract )?(?:function|class|const|interface|type) (\w+)/.exec(
    statement,
  )?.[1];
}

/** Types of this project that a declaration names, each as `file: name`. */
function typesIn(types, file, declaration) {
  const own = statementsOf(types, file).flatMap((statement) => nameOf(statement) ?? []);
  const places = new Map(own.map((name) => [name, `${file}: ${name}`]));
  for (const [, list, from] of read(types, file).matchAll(
    /^import (?:type )?\{([^}]*)\} from '(\.[^']+)\.ts';$/gm,
  )) {
    for (const each of list.split(',')) {
      const [local, name = local] = each
        .trim()
        .replace(/^type /, '')
        .split(' as ');
      places.set(name, `${join(dirname(file), from)}: ${local}`);
    }
  }
  for (const [name, place] of places) {
    const [at, local] = place.split(': ');
    const origin = originOf(types, at, local);
    places.set(name, `${origin.from}: ${origin.local}`);
  }
  // Not what is in a string, and not the names of fields.
  const code = declaration.replace(/'[^']*'/g, '').replace(/\b\w+\??:/g, '');
  const named = (code.match(/\b\w+\b/g) ?? []).flatMap((word) => places.get(word) ?? []);
  return new Set(named.filter((place) => isPublicType(types, place)));
}

/** A type that its own file keeps to itself is shown where it is used, or by its parts. */
function isPublicType(types, place) {
  const [file, local] = place.split(': ');
  const statement = statementsOf(types, file).find((each) => nameOf(each) === local);
  return /^export (?:declare )?(?:abstract )?(?:class|interface|type) /.test(statement ?? '');
}

function read(types, file) {
  return readFileSync(join(types, `${file}.d.ts`), 'utf8');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [first = 'dist/types'] = process.argv.slice(2).filter((word) => word !== '--write');
  const report = apiReport(first);
  if (process.argv.includes('--write')) writeFileSync('docs/api-report.md', report);
  else process.stdout.write(report);
  for (const [, entry] of entries)
    for (const each of hiddenTypes(first, entry)) process.stderr.write(`${entry} does not export ${each}\n`);
}
