import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writePythonToml } from '../../../src/manifest/graphene/python-toml.ts';
import { isTable, type TomlTable, type TomlValue } from '../../../src/manifest/toml/toml.ts';
import { hasTool } from '../../support/tool.ts';

/** The distribution's own. */
const python = '/usr/bin/python3';

const hasToml = hasTool(python) && spawnSync(python, ['-c', 'import toml']).status === 0;
if (!hasToml && process.env.CI) throw new Error('these tests need the toml package for Python');
if (!hasToml) process.stderr.write('SKIPPED: comparisons with the toml package for Python\n');

const texts = fc.string({
  unit: fc.constantFrom(...'ab\\"\'x/. \t\n\x01\x7f', '\\x', 'é', '\u00a0', '\u200b', '🎈'),
  maxLength: 6,
});
const keys = fc.constantFrom('k1', 'k2', 'k3', 'k4', 'a b', 'é', 'x.y');
const { table: tables } = fc.letrec<{ table: TomlTable; value: TomlValue }>((tie) => ({
  table: fc
    .uniqueArray(fc.tuple(keys, tie('value')), { maxLength: 4, selector: ([key]) => key })
    .map((pairs) => new Map(pairs)),
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    texts,
    fc.bigInt({ min: 0n, max: 1000n }),
    fc.boolean(),
    fc.array(texts, { maxLength: 3 }),
    fc.array(tie('table'), { minLength: 1, maxLength: 3 }),
    tie('table'),
  ),
}));

test.skipIf(!hasToml)('what is written is what the toml package for Python writes', () => {
  const documents = fc.sample(tables, { numRuns: 1500, seed: 7 });
  const theirs = writeWithPython(documents);
  expect(theirs.filter((text) => text !== null).length).toBeGreaterThan(1000);
  for (const [index, document] of documents.entries()) {
    // There are documents that the package fails on.
    if (theirs[index] !== null) expect(writePythonToml(document)).toBe(theirs[index]);
  }
});

function writeWithPython(documents: readonly TomlTable[]): readonly (string | null)[] {
  const program = `
import json, sys, toml
def plain(value):
    if isinstance(value, dict):
        if 'table' in value: return {key: plain(of) for key, of in value['table']}
        if 'list' in value: return [plain(each) for each in value['list']]
        return value['integer']
    return value
def dumped(document):
    try: return toml.dumps(plain(document))
    except IndexError: return None
json.dump([dumped(document) for document in json.load(sys.stdin)], sys.stdout)
`;
  const input = JSON.stringify(documents.map(encoded));
  const { stdout, stderr } = spawnSync(python, ['-c', program], { input, maxBuffer: 100_000_000 });
  if (stdout.length === 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

function encoded(value: TomlValue): unknown {
  if (isTable(value)) return { table: [...value].map(([key, of]) => [key, encoded(of)]) };
  if (Array.isArray(value)) return { list: value.map(encoded) };
  return typeof value === 'bigint' ? { integer: Number(value) } : value;
}
