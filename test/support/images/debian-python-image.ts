import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { imageTime, packLayer, type Recipe } from './recipe.ts';
import { runTool } from './run-tool.ts';
import { stageTexts } from './stage-files.ts';

const program = `import json, os, sys
print(json.dumps({"argv": sys.argv, "uid": os.getuid(), "cwd": os.getcwd(), "greeting": os.environ.get("GREETING")}))
`;

/** Debian 12 with python3, made by mmdebstrap from a Debian mirror: a real base image with thousands of files. */
export const debianPythonImage: Recipe = {
  tools: ['mmdebstrap', 'tar'],
  config: {
    Entrypoint: ['python3', '/app/main.py'],
    Cmd: ['one', 'two words'],
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'GREETING=hello'],
    WorkingDir: '/app',
  },
  compression: 'gzip',
  makeLayers: async (stage) => [
    await makeDebian(join(stage, 'debian.tar')),
    await makeApp(join(stage, 'app')),
  ],
};

async function makeDebian(tar: string): Promise<string> {
  await runTool(
    'mmdebstrap',
    ['--quiet', '--variant=minbase', '--include=python3', 'bookworm', tar, ...mirrors()],
    { env: { SOURCE_DATE_EPOCH: String(imageTime) } },
  );
  return tar;
}

/** This machine's own package sources if it runs Debian 12; else none, and mmdebstrap takes its default mirror. */
export function mirrors(): readonly string[] {
  if (!/^VERSION_CODENAME=bookworm$/m.test(readFileSync('/etc/os-release', 'utf8'))) return [];
  const parts = '/etc/apt/sources.list.d';
  const candidates = ['/etc/apt/sources.list', ...namesIn(parts).map((name) => join(parts, name))];
  return candidates.filter((path) => existsSync(path) && /\bbookworm\b/.test(readFileSync(path, 'utf8')));
}

function namesIn(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => /\.(list|sources)$/.test(name))
    .sort();
}

async function makeApp(root: string): Promise<string> {
  await mkdir(root);
  await stageTexts(root, { '/app/main.py': program });
  return packLayer(root);
}
