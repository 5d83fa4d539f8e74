import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { packLayer, type Recipe } from './recipe.ts';
import { runTool } from './run-tool.ts';
import { accounts, stageDirectories, stageFile, stageLinks, stageTexts } from './stage-files.ts';

/** A static busybox with its applets as links, so with a shell, and no dynamic linker. */
export const busyboxImage: Recipe = {
  tools: ['busybox', 'tar'],
  config: { Cmd: ['sh'], Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] },
  compression: 'gzip',
  makeLayers: async (stage) => [
    await makeSystem(join(stage, 'system')),
    await makePages(join(stage, 'pages')),
  ],
};

async function makeSystem(root: string): Promise<string> {
  const busybox = (await runTool('sh', ['-c', 'command -v busybox'])).trim();
  const applets = (await runTool(busybox, ['--list'])).trim().split('\n');
  await stageFile(root, busybox, '/bin/busybox');
  await stageTexts(root, accounts);
  await stageDirectories(root, ['/dev', '/proc', '/sys', '/tmp', '/var/log']);
  for (const applet of applets) {
    if (applet !== 'busybox') await stageLinks(root, { [`/bin/${applet}`]: 'busybox' });
  }
  return packLayer(root);
}

async function makePages(root: string): Promise<string> {
  await mkdir(root);
  await stageTexts(root, { '/srv/www/index.html': '<!doctype html><p>busybox\n' });
  return packLayer(root);
}
