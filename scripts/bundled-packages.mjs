// Which npm packages have code in the bundle: by esbuild's metafile, with what their own package.json and the lock file say.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Sorted by name: name, version, license (SPDX), sha512 of the package (hex), names of its dependencies, texts of its licence files. */
export function bundledPackages({ outputs }) {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'));
  const directories = new Set();
  for (const { inputs } of Object.values(outputs))
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const [directory] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [];
      if (directory !== undefined && bytesInOutput > 0) directories.add(directory);
    }
  return [...directories].sort().map((directory) => packageIn(directory, lock.packages[directory]));
}

function packageIn(directory, locked) {
  const {
    name,
    version,
    license,
    dependencies = {},
  } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const licenceTexts = readdirSync(directory)
    .filter((file) => /^(?:licen[cs]e|copying|notice)/i.test(file))
    .sort()
    .map((file) => readFileSync(join(directory, file), 'utf8').replaceAll('\r\n', '\n').trim());
  // No licence, no right to ship it.
  if (typeof license !== 'string' || licenceTexts.length === 0)
    throw new Error(`${directory}: no licence, or no text of it`);
  if (locked?.version !== version)
    throw new Error(`${directory}: package-lock.json has ${locked?.version}, installed is ${version}`);
  const [, base64] = /^sha512-(.*)$/.exec(locked.integrity) ?? [];
  return {
    ...{ name, version, license, licenceTexts, directory },
    sha512: Buffer.from(base64, 'base64').toString('hex'),
    dependencies: Object.keys(dependencies).sort(),
  };
}
