// `npm version` runs this, with --check before it changes anything: what was unreleased in CHANGELOG.md gets the heading of the new version, with its date (UTC; SOURCE_DATE_EPOCH, else
// today).
import { readFileSync, writeFileSync } from 'node:fs';

const file = 'CHANGELOG.md';
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const epoch = process.env.SOURCE_DATE_EPOCH;
const date = new Date(epoch === undefined ? Date.now() : Number(epoch) * 1000).toISOString().slice(0, 10);

const text = readFileSync(file, 'utf8');
const [unreleased, changes] = /^## Unreleased\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(text) ?? [];
if (unreleased === undefined) fail('there is no heading "## Unreleased"');
if (changes.trim() === '') fail('nothing is below "## Unreleased": what changed?');
if (process.argv.includes('--check')) process.exit();
if (text.includes(`\n## ${version} `)) fail(`${version} has a heading already`);
// A function: `$` in the changes is no reference.
writeFileSync(
  file,
  text.replace(unreleased, () => `## Unreleased\n\n## ${version} (${date})\n${changes}`),
);

function fail(reason) {
  process.stderr.write(`${file}: ${reason}\n`);
  process.exit(1);
}
