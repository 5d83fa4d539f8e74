// Bundles gsc (dist/gsc-bundle.cjs) with the command (dist/gsc.js) and the library (dist/index.js and its neighbours), and writes the library's types
// and the manual pages (dist/man). The SBOM and the licences of what is bundled are dist/sbom.cdx.json and dist/THIRD-PARTY-NOTICES.txt. Source maps
// and esbuild's metafile go to out/: they are not shipped.
// node scripts/build.mjs --command FILE only bundles, with the command in FILE, --library DIRECTORY only bundles and writes types.
// --out DIRECTORY puts everything elsewhere.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleAll } from './bundle.mjs';
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
  await bundleAll(dirname(values.command), { command: basename(values.command) });
else if (values.library !== undefined) {
  await bundleAll(values.library);
  writeTypes(join(values.library, 'types'));
} else await buildAll(values.out);

async function buildAll(out) {
  const work = join(dirname(out), 'out');
  rmSync(out, { recursive: true, force: true });
  const metafile = await bundleAll(out, { maps: join(work, 'maps') });
  writeFileSync(join(work, 'metafile.json'), JSON.stringify(metafile));
  const packages = bundledPackages(metafile);
  writeFileSync(join(out, 'sbom.cdx.json'), sbom(packages));
  writeFileSync(join(out, 'THIRD-PARTY-NOTICES.txt'), notices(packages));
  writeTypes(join(out, 'types'));
  execFileSync(process.execPath, ['scripts/man-pages.mjs', join(out, 'man')], { stdio: 'inherit' });
}
