import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CompleteManifest } from '../../src/manifest/complete-manifest.ts';
import { serializeManifest } from '../../src/manifest/toml/serialize.ts';
import { parseToml, type TomlTable, type TomlValue } from '../../src/manifest/toml/toml.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';

const version = parseRuntimeVersion('1.9');
const hash = 'ab'.repeat(32);
const block = (name: string) => `[[sgx.trusted_files]]\nuri = "file:/${name}"\nsha256 = "${hash}"\n\n`;
const blocks = ['one', 'two', 'three'].map(block).join('');
const head = '[loader]\nlog_level = "error"\n\n[sgx]\nmax_threads = 4\n\n';

/** What parsing the whole text gives. */
const wholly = (text: string) => parseToml(text, 'test').root;
/** In their order: a manifest's bytes follow from it. */
const entriesOf = (value: TomlValue): unknown =>
  value instanceof Map ? [...value].map(([key, each]) => [key, entriesOf(each)]) : value;

describe('a manifest with a run of trusted files is read as the parser of TOML reads it', () => {
  test.each([
    ['in the middle', `${head}${blocks}[sgx.cpu_features]\navx = "required"\n`],
    ['at the end, the last without an empty line', `${head}${blocks}`.slice(0, -1)],
    ['at the start', `${blocks}[fs]\nstart_dir = "/"\n`],
    [
      'before one with an escape',
      `${head}${blocks}[[sgx.trusted_files]]\nuri = "file:/\\u00e4"\nsha256 = "${hash}"\n`,
    ],
    ['with backslashes and quotes', `${head}${block('a\\\\x2d')}${block('\\\\\\\\b\\"c\\"')}${blocks}[fs]\n`],
    ['before one with a quote that does not end', `${head}${blocks}[fs]\nx = "[[sgx.trusted_files]]\\\\"\n`],
    ['before one with another key', `${head}${blocks}[[sgx.trusted_files]]\nuri = "file:/x"\n`],
    ['in two parts', `${head}${blocks}[fs]\n\n${blocks}`],
    ['with names that are not ASCII', `${head}${block('grün')}${block('日本')}${block('\u{1f600}')}[fs]\n`],
    ['inside a text of several lines', `[loader]\nenv.A = """\n${blocks}"""\n`],
    ['inside one and behind it', `[loader]\nenv.A = """\n${blocks}"""\n\n${blocks}[fs]\n`],
    ['inside literal quotes', `[loader]\nenv.A = '''\n${blocks}'''\n`],
    ['with Windows line ends', `${head}${blocks}`.replaceAll('\n', '\r\n')],
    ['with comments and short names', `# ${block('c')}\n${head}${blocks}# end\n`],
  ])('%s', (_, text) => {
    const read = CompleteManifest.parse(Buffer.from(text), 'test', version);
    expect(entriesOf(read.root)).toEqual(entriesOf(wholly(text)));
    expect(read.bytes.toString()).toBe(serializeManifest(wholly(text)));
  });

  test('whatever the files are called and whatever else there is', () => {
    const file = fc.record({
      uri: fc.string({ unit: 'grapheme', maxLength: 30 }),
      sha256: fc.constant(hash),
    });
    const property = fc.property(fc.array(file, { maxLength: 6 }), fc.string(), (files, value) => {
      const tables = files.map(
        ({ uri, sha256 }): TomlTable =>
          new Map([
            ['uri', uri],
            ['sha256', sha256],
          ]),
      );
      const root = new Map<string, TomlValue>([
        ['loader', new Map([['log_file', value]])],
        [
          'sgx',
          new Map<string, TomlValue>([
            ['trusted_files', tables],
            ['cpu_features', new Map([['avx', value]])],
          ]),
        ],
      ]);
      const text = serializeManifest(root);
      const read = CompleteManifest.parse(Buffer.from(text), 'test', version);
      expect(entriesOf(read.root)).toEqual(entriesOf(wholly(text)));
      expect(read.bytes.toString()).toBe(text);
    });
    fc.assert(property, { numRuns: 300 });
  });
});

describe('what is no TOML is refused with the line in the whole text', () => {
  test.each([
    ['behind the run', `${head}${blocks}[sgx\n`, 'test:19:'],
    ['a key that is there twice', `${head}${blocks}[loader]\nx = 1\n`, 'test:'],
    ['an array before the run', `[sgx]\ntrusted_files = []\n\n${blocks}`, 'test:'],
  ])('%s', (_, text, subject) => {
    let expected: unknown;
    try {
      wholly(text);
    } catch (error) {
      expected = error;
    }
    expect(expected).toMatchObject({ code: 'manifest', subject: expect.stringContaining(subject) });
    expect(() => CompleteManifest.parse(Buffer.from(text), 'test', version)).toThrow(
      String((expected as Error).message),
    );
  });

  test('bytes that are not UTF-8', () => {
    const text = Buffer.concat([Buffer.from(`${head}${blocks}`), Buffer.from([0xff, 0x0a])]);
    expect(() => CompleteManifest.parse(text, 'test', version)).toThrow('expected UTF-8');
  });
});
