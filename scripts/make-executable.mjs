// The program behind scripts/make-executable, which says what its options are: DIRECTORY [options], names of files are from there.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { inject } from 'postject';
import { bundleScript } from './bundle.mjs';
import { bundledPackages } from './bundled-packages.mjs';
import { nodeComponent, nodeLicence, notices, sbom } from './sbom.mjs';

const [start, ...words] = process.argv.slice(2);
const { values } = parseArgs({
  args: words,
  options: {
    output: { type: 'string', short: 'o', default: resolve('out/executable/gsc') },
    node: { type: 'string', default: process.execPath },
  },
});
const output = resolve(start, values.output);
const node = resolve(start, values.node);
mkdirSync(dirname(output), { recursive: true });
const work = mkdtempSync(join(dirname(output), '.gsc-executable-'));
try {
  const metafile = await bundleScript(join(work, 'gsc.cjs'));
  appendFileSync(join(work, 'gsc.cjs'), 'exports.command();\n');
  await makeExecutable();
  const packages = bundledPackages(metafile);
  writeFileSync(`${output}.cdx.json`, sbom(packages, [nodeComponent(node)]));
  const licence = nodeLicence(node);
  const nodePart =
    licence === undefined ? '' : `\n${'-'.repeat(72)}\n\nNode.js\n\n${readFileSync(licence, 'utf8')}`;
  writeFileSync(`${output}.THIRD-PARTY-NOTICES.txt`, notices(packages) + nodePart);
} finally {
  rmSync(work, { recursive: true, force: true });
}
process.stdout.write(`${output}\n`);

/** Node's program with the bundle in a section of it. */
async function makeExecutable() {
  const [config, blob, program] = ['sea.json', 'sea.blob', 'gsc'].map((name) => join(work, name));
  // A code cache would save a tenth of a second, and differ each time.
  const sea = {
    // The blob has this name: relative, it is the same everywhere.
    main: 'gsc.cjs',
    output: blob,
    disableExperimentalSEAWarning: true,
    useCodeCache: false,
  };
  writeFileSync(config, JSON.stringify(sea));
  // The Node that it will be part of: the form of the blob is its own.
  execFileSync(node, ['--experimental-sea-config', config], { cwd: work, stdio: 'pipe' });
  copyFileSync(node, program);
  chmodSync(program, 0o755);
  // Node's documentation of single executable applications gives both names.
  await withoutWarnings(() =>
    inject(program, 'NODE_SEA_BLOB', readFileSync(blob), {
      sentinelFuse: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2',
    }),
  );
  renameSync(program, output);
}

/** postject's library warns of notes in ELF files that it leaves as they are, on the console. */
async function withoutWarnings(run) {
  const { log, warn, error } = console;
  Object.assign(console, { log: () => {}, warn: () => {}, error: () => {} });
  try {
    return await run();
  } finally {
    Object.assign(console, { log, warn, error });
  }
}
