import { describe, expect, test } from 'vitest';
import { GscError } from '../../src/base/error.ts';
import { configTemplate } from '../../src/config/config-template.ts';
import { parseSettings } from '../../src/config/parse-configuration.ts';
import { settingTable } from '../../src/config/setting-table.ts';

function settings(content: string): Readonly<Record<string, string>> {
  const entries = [...parseSettings(content, 'config.yaml')];
  return Object.fromEntries(
    entries.map(([name, { values, line, column }]) => [name, `${values.join(' + ')} at ${line}:${column}`]),
  );
}

function failure(content: string): GscError {
  try {
    parseSettings(content, 'config.yaml');
  } catch (error) {
    if (error instanceof GscError) return error;
    throw error;
  }
  throw new Error('it was parsed');
}

describe('settings', () => {
  test('of the Python tool for Gramine', () => {
    const file = `# the distribution
Distro: "ubuntu:22.04"

# a registry
Registry: ""

Gramine:
    Repository: "https://github.com/gramineproject/gramine.git"
    Branch:     "v1.9"   # a tag
    # Image: ""
`;
    expect(settings(file)).toEqual({
      Distro: 'ubuntu:22.04 at 2:1',
      'Gramine.Repository': 'https://github.com/gramineproject/gramine.git at 8:5',
      'Gramine.Branch': 'v1.9 at 9:5',
    });
  });

  test('of the Python tool for Graphene, with its driver', () => {
    const file = `Distro: "ubuntu18.04"
Graphene:
    Repository: "https://github.com/oscarlab/graphene.git"
    Branch:     "master"
SGXDriver:
    Repository: ""
    Branch:     ""
`;
    expect(Object.keys(settings(file))).toEqual(['Distro', 'Graphene.Repository', 'Graphene.Branch']);
  });

  test('of an empty list say something only where nothing is a choice', () => {
    const file = 'Gramine:\n  Image: []\n  Patches: []\n';
    expect(settings(file)).toEqual({ 'Gramine.Patches': ' at 3:3' });
    for (const nothing of ['', '""', '[""]', '~'])
      expect(settings(`Gramine:\n  Patches: ${nothing}\n`)).toEqual({});
  });

  test('in JSON are the same', () => {
    const file = '{"Distro": "auto",\n "Gramine": {"Image": "x:1", "Branch": null}, "SGXDriver": {}}';
    expect(settings(file)).toEqual({ Distro: 'auto at 1:2', 'Gramine.Image': 'x:1 at 2:14' });
  });

  test.each([
    ['1.9', '1.9'],
    ['1.10', '1.10'],
    ['12345678', '12345678'],
    ['12e45678', '12e45678'],
    ['0123456', '0123456'],
    ['"1.10"', '1.10'],
  ])('that look like the number %s are taken as they are written', (written, value) => {
    expect(settings(`Gramine:\n  Branch: ${written}`)).toEqual({ 'Gramine.Branch': `${value} at 2:3` });
  });

  test('may be lists where several make sense, aliases anywhere', () => {
    expect(settings('Registry: &r x\nGramine:\n  Image: [a.deb, *r]\n')).toEqual({
      Registry: 'x at 1:1',
      'Gramine.Image': 'a.deb + x at 3:3',
    });
  });

  test.each([
    '',
    '# nothing\n',
    '---\n',
    'null\n',
    '{}',
    'Distro:\n',
    'Gramine:\n',
    'Gramine:\n  Image:\n',
    'Gramine:\n  Image: []\n',
    'Gramine:\n  Image: ["", ~]\n'.replace(', ~', ''),
  ])('are none in %j', (content) => {
    expect(settings(content)).toEqual({});
  });
});

describe('mistakes are named with line and column', () => {
  test.each<[string, string, string]>([
    ['an unknown key', 'Distro: auto\nDistribution: x\n', '2:1: unknown key Distribution'],
    ['a misspelled key', 'Gramine:\n  Brunch: x\n', '2:3: unknown key Gramine.Brunch'],
    ["another table's key", 'SGXDriver:\n  Image: x\n', '2:3: unknown key SGXDriver.Image'],
    ['a key that is no text', '? [a]\n: b\n', '1:3: unknown key '],
    ['a number as a key', '1: b\n', '1:1: unknown key 1'],
    ['a list for a text', 'Distro: [a]\n', '1:1: Distro: expected a string, got a list'],
    ['a table for a text', 'Distro:\n  a: b\n', '1:1: Distro: expected a string, got keys with values'],
    ['a truth value', 'Registry: no\nDistro: true\n', '2:1: Distro: expected a string, got the boolean true'],
    [
      'a list in a list',
      'Gramine:\n  Image: [[a]]\n',
      '2:3: Gramine.Image: expected a string or a list of strings, got a list',
    ],
    [
      'nothing in a list',
      'Gramine:\n  Image: [~]\n',
      '2:3: Gramine.Image: expected a string or a list of strings, got the object null',
    ],
    ['a text for a table', '\nGramine: x\n', '2:1: Gramine: expected keys with values, got "x"'],
    ['a text for the whole', 'hello\n', '1:1: expected keys with values, got "hello"'],
    ['a list for the whole', '- Distro\n', '1:1: expected keys with values, got a list'],
  ])('%s', (_, content, message) => {
    const error = failure(content);
    expect(error).toMatchObject({ code: 'config', message: `config.yaml:${message}` });
    expect(error.hint).toBeTruthy();
  });

  test.each([
    ['an open bracket', 'Gramine: [\n'],
    ['a key twice', 'Distro: a\nDistro: b\n'],
    ['two documents', 'Distro: a\n---\nDistro: b\n'],
    ['a bad indent', 'Gramine:\n  Image: a\n Branch: b\n'],
    ['an unknown alias', 'Distro: *x\n'],
    ['an open quote', 'Distro: "a\n'],
  ])('%s is not YAML', (_, content) => {
    expect(failure(content).message).toMatch(/^config\.yaml:\d+:\d+: not valid YAML: /);
  });

  test('a near key is proposed, else all are named', () => {
    expect(failure('gramine:\n').hint).toBe('did you mean Gramine?');
    expect(failure('Elephant: x\n').hint).toBe(
      'the keys here are Distro, Registry, Mirror, Gramine, Graphene, SGXDriver',
    );
  });
});

describe('the template', () => {
  test('makes no setting', () => {
    expect(settings(configTemplate())).toEqual({});
  });

  test('makes all of them once the # before settings is gone', () => {
    const made = parseSettings(configTemplate().replace(/^#(?! [^ ]| {3}docker)/gm, ''), 'config.yaml');
    expect([...made.keys()].sort()).toEqual(settingTable.map(({ name }) => name).sort());
    for (const { name, example } of settingTable) {
      expect(made.get(name)?.values).toEqual(example.replace(/^\[(.*)\]$/, '$1').split(', '));
    }
  });

  test('explains every setting', () => {
    for (const { about } of settingTable) expect(configTemplate()).toContain(`# ${about}\n`);
  });
});

test('what is nested thousands of levels deep is refused in words', () => {
  for (const content of [
    `{"Distro": ${'['.repeat(5000)}${']'.repeat(5000)}}`,
    `Distro: ${'['.repeat(100_000)}`,
  ]) {
    expect(failure(content)).toMatchObject({
      code: 'config',
      message: expect.stringMatching(/^config\.yaml:1:\d+: not valid YAML: nested too deeply/),
    });
  }
});
