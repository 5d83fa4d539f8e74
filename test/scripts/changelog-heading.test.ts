import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gsc-version-'));
  writeFileSync(join(directory, 'package.json'), '{ "version": "0.2.0" }');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** The changelog after `npm version`, or what it complains about. */
function headed(changelog: string, ...more: readonly string[]): string {
  const file = join(directory, 'CHANGELOG.md');
  writeFileSync(file, changelog);
  const { status, stderr } = spawnSync(
    process.execPath,
    [resolve('scripts/changelog-heading.mjs'), ...more],
    {
      cwd: directory,
      encoding: 'utf8',
      env: { SOURCE_DATE_EPOCH: '1767312000' },
    },
  );
  const text = readFileSync(file, 'utf8');
  if (status !== 0) expect(text).toBe(changelog);
  return status === 0 ? text : stderr;
}

test('what was unreleased gets the version and the date, and a new heading comes before it', () => {
  expect(headed('# Changelog\n\n## Unreleased\n\n- A costs $& now.\n\n## 0.1.0 (2025-01-01)\n\n- B.\n')).toBe(
    '# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-01-02)\n\n- A costs $& now.\n\n## 0.1.0 (2025-01-01)\n\n- B.\n',
  );
  expect(headed('# Changelog\n\n## Unreleased\n\n- A.\n')).toBe(
    '# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-01-02)\n\n- A.\n',
  );
});

test('a release without changes, without the heading or for the second time is refused', () => {
  expect(headed('# Changelog\n\n## Unreleased\n\n## 0.1.0 (2025-01-01)\n\n- B.\n')).toMatch(
    /nothing is below/,
  );
  expect(headed('# Changelog\n')).toMatch(/there is no heading/);
  expect(headed('## Unreleased\n\n- A.\n\n## 0.2.0 (2026-01-01)\n')).toMatch(/0\.2\.0 has a heading already/);
});

test('before npm version changes anything it is asked, and changes nothing', () => {
  const changelog = '# Changelog\n\n## Unreleased\n\n- A.\n';
  expect(headed(changelog, '--check')).toBe(changelog);
  expect(headed('# Changelog\n\n## Unreleased\n', '--check')).toMatch(/nothing is below/);
  expect(JSON.parse(readFileSync('package.json', 'utf8')).scripts.preversion).toMatch(
    /changelog-heading\.mjs --check$/,
  );
});

test('npm version runs it, before it writes the version into the integrations', () => {
  expect(JSON.parse(readFileSync('package.json', 'utf8')).scripts.version).toMatch(
    /^node scripts\/changelog-heading\.mjs && node scripts\/integrations\.mjs && git add /,
  );
});
