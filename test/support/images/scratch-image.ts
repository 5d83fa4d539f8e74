import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packLayer, type Recipe } from './recipe.ts';
import { runTool } from './run-tool.ts';

/** Prints its arguments, one variable and the user, so that a test sees what reached the program. */
export const helloSource = `#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) {
    const char *greeting = getenv("GREETING");
    printf("%s from %s as %d:%d\\n", greeting ? greeting : "hello", argv[0], (int)getuid(), (int)getgid());
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\\n", i, argv[i]);
    return 0;
}
`;

/** One static program and nothing else: no shell, no accounts, no library. */
export const scratchImage: Recipe = {
  tools: ['cc', 'tar'],
  config: { Entrypoint: ['/hello'], Cmd: ['world', 'two words'], Env: ['GREETING=good morning'] },
  compression: 'none',
  makeLayers: async (stage) => {
    const root = join(stage, 'hello');
    await mkdir(root);
    await writeFile(join(stage, 'hello.c'), helloSource);
    await runTool('cc', ['-static', '-O1', '-s', '-o', join(root, 'hello'), 'hello.c'], { cwd: stage });
    return [await packLayer(root)];
  },
};
