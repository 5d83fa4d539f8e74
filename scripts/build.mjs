// Bundles the command line (dist/gsc.js) and the library (dist/index.js and its neighbours), and writes the library's types
// and the manual pages (dist/man). The SBOM and the licences of what is bundled are dist/sbom.cdx.json and dist/THIRD-PARTY-NOTICES.txt. Source maps
// and esbuild's metafile go to out/: they are not shipped.
// node scripts/build.mjs --command FILE bundles the command line alone, --library DIRECTORY the library: tests take them there.
// --out DIRECTORY puts everything elsewhere.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleModules, commandEntry, libraryEntries } from './bundle.mjs';
import { bundledPackages } from './bundled-packages.mjs';
import { notices, sbom } from './sbom.mjs';
import { writeTypes } from './types.mjs';

const { values } = parseArgs({
  options: {
    command: { type: 'string' },
    library: { type: 'string' },
    out: { type: 'string', default: 'dist' },
  },
});

if (values.command !== undefined)
  await bundleModules({ [basename(values.command, '.js')]: commandEntry.gsc }, dirname(values.command));
else if (values.library !== undefined) {
  await bundleModules(libraryEntries, values.library);
  writeTypes(join(values.library, 'types'));
} else await buildAll(values.out);

async function buildAll(out) {
  const work = join(dirname(out), 'out');
  rmSync(out, { recursive: true, force: true });
  const metafile = await bundleModules({ ...commandEntry, ...libraryEntries }, out, join(work, 'maps'));
  writeFileSync(join(work, 'metafile.json'), JSON.stringify(metafile));
  const packages = bundledPackages(metafile);
  writeFileSync(join(out, 'sbom.cdx.json'), sbom(packages));
  writeFileSync(join(out, 'THIRD-PARTY-NOTICES.txt'), notices(packages));
  writeTypes(join(out, 'types'));
  execFileSync(process.execPath, ['scripts/man-pages.mjs', join(out, 'man')], { stdio: 'inherit' });
}
