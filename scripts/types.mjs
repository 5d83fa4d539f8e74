// The library's types: of what tsc writes, the declarations that its entries lead to. All others are nobody's business, and
// would be a third of the package.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { libraryEntries } from './bundle.mjs';

const entries = Object.keys(libraryEntries).map((name) => `${name}.d.ts`);
/** tsc begins each statement of a file at the margin; comments before it belong to it. */
const statementStart =
  /^(?:\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)*(?:export|import|declare|interface|type|abstract)\b/gm;
const importList = /^import (?:type )?\{([^}]*)\} from '([^']+)';\n$/;
const exportList = /^export (?:type )?\{([^}]*)\}(?: from '([^']+)')?;\n$/;

/** Writes them into a directory. */
export function writeTypes(directory) {
  rmSync(directory, { recursive: true, force: true });
  execFileSync('npx', ['tsc', '-p', 'tsconfig.types.json', '--outDir', directory], { stdio: 'inherit' });
  prune(directory);
}

function prune(directory) {
  const kept = reachableFrom(directory);
  for (const file of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.d.ts')) continue;
    const statements = kept.get(file);
    if (statements === undefined) rmSync(join(directory, file));
    else writeFileSync(join(directory, file), textOf(parse(join(directory, file)), statements));
  }
  removeEmpty(directory);
}

/** For each file the names of it that are needed; of entries, all. */
function reachableFrom(directory) {
  const files = new Map();
  const kept = new Map();
  const read = (file) => files.get(file) ?? files.set(file, parse(join(directory, file))).get(file);
  const need = (file, name) => {
    const names = kept.get(file) ?? kept.set(file, new Set()).get(file);
    if (names.has(name)) return;
    names.add(name);
    for (const { from, local } of read(file).neededBy(name)) {
      if (from === undefined) need(file, local);
      else if (from.startsWith('.')) need(join(dirname(file), from.replace(/\.ts$/, '.d.ts')), local);
    }
  };
  for (const entry of entries) for (const name of read(entry).exported.keys()) need(entry, name);
  return kept;
}

/** A file's imports, lists of exports and declarations, each with its text, and what a name of it needs. */
function parse(path) {
  const imported = new Map();
  const exported = new Map();
  const declared = new Map();
  for (const text of statementsOf(readFileSync(path, 'utf8'))) {
    const code = withoutComments(text);
    const [, names, from] = importList.exec(code) ?? [];
    const [, passed, origin] = exportList.exec(code) ?? [];
    const [, space, module] = /^import (?:type )?\* as (\w+) from '([^']+)'/.exec(code) ?? [];
    if (names !== undefined)
      for (const { local, name } of namesIn(names)) imported.set(name, { from, local, text });
    else if (space !== undefined) imported.set(space, { from: module, local: '*', text });
    else if (passed !== undefined)
      for (const { local, name } of namesIn(passed)) exported.set(name, { from: origin, local, text });
    else declared.set(declaredName(path, text), text);
  }
  const neededBy = (name) => {
    const passed = exported.get(name);
    if (passed !== undefined) return [passed];
    const code = withoutComments(declared.get(name) ?? '');
    const words = new Set(code.match(/[\w$]+/g));
    words.delete(name);
    const inline = [...code.matchAll(/import\("([^"]+)"\)\.(\w+)/g)].map(([, from, local]) => ({
      from,
      local,
    }));
    const known = [...words].flatMap(
      (word) => imported.get(word) ?? (declared.has(word) ? { local: word } : []),
    );
    return [...inline, ...known];
  };
  return { imported, exported, declared, neededBy };
}

function statementsOf(text) {
  const starts = [...text.matchAll(statementStart)].map(({ index }) => index);
  return starts.map((start, index) => text.slice(start, starts[index + 1]));
}

function namesIn(list) {
  const entries = list.split(',').map((each) => each.trim().replace(/^type /, ''));
  return entries
    .filter((each) => each !== '')
    .map((each) => {
      const [local, name = local] = each.split(' as ');
      return { local, name };
    });
}

function declaredName(path, text) {
  const head =
    /^(?:export )?(?:declare )?(?:abstract )?(?:function|class|const|interface|type|enum) ([\w$]+)/.exec(
      withoutComments(text),
    );
  if (head === null) throw new Error(`${path}: unexpected statement: ${text}`);
  return head[1];
}

function withoutComments(text) {
  return text.replace(/[ ]*\/\*\*[\s\S]*?\*\/\n?/g, '');
}

/** The file with what is needed of it; imports first. */
function textOf({ imported, exported, declared }, needed) {
  const lists = new Set([...exported].filter(([name]) => needed.has(name)).map(([, { text }]) => text));
  const kept = [...declared].filter(([name]) => needed.has(name)).map(([, text]) => text);
  const words = new Set(withoutComments(kept.join('')).match(/[\w$]+/g));
  return [...importsOf(imported, words), ...lists, ...kept].join('') || 'export {};\n';
}

/** Imports of the names that occur; each module once. */
function importsOf(imported, words) {
  const modules = new Map();
  for (const [name, { from, local, text }] of imported) {
    if (!words.has(name)) continue;
    if (local === '*') modules.set(text, undefined);
    else modules.set(from, [...(modules.get(from) ?? []), local === name ? name : `${local} as ${name}`]);
  }
  return [...modules].map(([from, names]) =>
    names === undefined ? from : `import type { ${names.join(', ')} } from '${from}';\n`,
  );
}

function removeEmpty(directory) {
  for (const each of readdirSync(directory, { withFileTypes: true })) {
    if (each.isDirectory()) removeEmpty(join(directory, each.name));
  }
  if (existsSync(directory) && readdirSync(directory).length === 0) rmSync(directory, { recursive: true });
}
