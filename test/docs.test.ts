import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { errorCodes } from '../src/base/error.ts';
import { commands } from '../src/cli/commands.ts';
import { addCommonOptions } from '../src/cli/program.ts';

const program = new Command();
for (const { load } of commands) (await load())(program, () => async () => undefined);
for (const command of program.commands) addCommonOptions(command);

describe('manual pages', () => {
  test.each(program.commands.map((command) => [command.name(), command] as const))(
    'gsc %s has a page that lists its options and arguments, and no others',
    (name, command) => {
      const page = readFileSync(`docs/gsc-${name}.md`, 'utf8');
      const documented = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => optionName(match[1] ?? ''));
      expect(documented.sort()).toEqual(
        command.options.map((option) => option.long ?? option.short ?? '').sort(),
      );
      for (const argument of command.registeredArguments) expect(page).toContain(argument.name());
      expect(readFileSync('README.md', 'utf8')).toContain(`docs/gsc-${name}.md`);
    },
  );

  test('every page belongs to a command', () => {
    const pages = readdirSync('docs').flatMap((file) => /^gsc-(.*)\.md$/.exec(file)?.[1] ?? []);
    expect(pages.sort()).toEqual(program.commands.map((command) => command.name()).sort());
  });
});

test('docs/errors.md lists every error code with its exit code, and no others', () => {
  const rows = [...readFileSync('docs/errors.md', 'utf8').matchAll(/^\| `([a-z-]+)` \| (\d) \|/gm)];
  expect(rows.map((row) => row[1])).toEqual([...errorCodes]);
  const usage = rows.filter((row) => row[2] === '2').map((row) => row[1]);
  expect(usage).toEqual(['usage', 'config', 'manifest']);
});

test('links and paths in the documents lead somewhere', () => {
  const documents = [
    'README.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => join('docs', file)),
  ];
  for (const document of documents) {
    const text = readFileSync(document, 'utf8');
    for (const [, target] of text.matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
      if (target === undefined || /^https?:/.test(target)) continue;
      expect(existsSync(join(dirname(document), target)), `${document}: ${target}`).toBe(true);
    }
    for (const [, path] of text.matchAll(/`((?:src|scripts|docs|test|bench|samples)\/[\w./-]+)`/g)) {
      expect(existsSync(path ?? ''), `${document}: ${path}`).toBe(true);
    }
  }
});

describe('each folder of src opens with a README', () => {
  const folders = readdirSync('src', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));

  test.each(folders)('%s', (folder) => {
    const text = readFileSync(join(folder, 'README.md'), 'utf8');
    expect(text.split('\n').length).toBeLessThanOrEqual(16);
    const start = text.slice(text.indexOf('Start reading at'));
    const files = [...start.matchAll(/`([\w-]+\.ts)`/g)].map((match) => match[1] ?? '');
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expect(existsSync(join(folder, file)), file).toBe(true);
    const name = folder.slice('src/'.length).split('/')[0];
    expect(readFileSync('ARCHITECTURE.md', 'utf8')).toContain(`\`${name}/\``);
  });
});

/** `-c, --config FILE` -> `--config`. */
function optionName(text: string): string {
  return /--[\w-]+/.exec(text)?.[0] ?? text;
}
