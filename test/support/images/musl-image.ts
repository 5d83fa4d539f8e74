import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packLayer, type Recipe } from './recipe.ts';
import { runTool } from './run-tool.ts';
import { helloSource } from './scratch-image.ts';
import { accounts, stageFile, stageTexts } from './stage-files.ts';

const interpreter = '/lib/ld-musl-x86_64.so.1';

/** A dynamic program on musl, as on Alpine: the ELF interpreter is the C library; no shell. */
export const muslImage: Recipe = {
  tools: ['musl-gcc', 'tar'],
  config: {
    Entrypoint: ['greet', '--name'],
    Cmd: ['musl'],
    Env: ['PATH=/usr/local/bin:/bin'],
    User: '1000:1000',
  },
  compression: 'gzip',
  makeLayers: async (stage) => {
    const [system, app] = [join(stage, 'system'), join(stage, 'app')];
    await stageFile(system, interpreter, interpreter);
    await stageTexts(system, accounts);
    await mkdir(join(app, 'usr/local/bin'), { recursive: true });
    await writeFile(join(stage, 'greet.c'), helloSource);
    await runTool('musl-gcc', ['-O1', '-s', '-o', join(app, 'usr/local/bin/greet'), 'greet.c'], {
      cwd: stage,
    });
    return [await packLayer(system), await packLayer(app)];
  },
};
