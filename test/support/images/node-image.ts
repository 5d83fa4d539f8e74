import { join } from 'node:path';
import { packLayer, type Recipe } from './recipe.ts';
import {
  accounts,
  stageDirectories,
  stageFile,
  stageLibraries,
  stageLinks,
  stageTexts,
} from './stage-files.ts';

const server = `import { createServer } from 'node:http';

const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ path: request.url, greeting: process.env.GREETING, uid: process.getuid() }) + '\\n');
});
server.listen(Number(process.env.PORT), () => console.log('listening on', server.address().port));
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(0));
`;

/** The running Node with its libraries, a shell, and a small web server (PORT, GREETING): the usual service image. */
export const nodeImage: Recipe = {
  tools: ['ldd', 'tar'],
  config: {
    Entrypoint: ['node'],
    Cmd: ['server.mjs'],
    Env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'PORT=8080', 'GREETING=good day\nto "you" \\ é'],
    User: 'app',
    WorkingDir: '/app',
    ExposedPorts: { '8080/tcp': {} },
  },
  compression: 'gzip',
  makeLayers: async (stage) => [
    await makeSystem(join(stage, 'system')),
    await makeLibraries(join(stage, 'libraries')),
    await makeNode(join(stage, 'node')),
    await makeApp(join(stage, 'app')),
  ],
};

async function makeSystem(root: string): Promise<string> {
  await stageLinks(root, {
    '/bin': 'usr/bin',
    '/lib': 'usr/lib',
    '/lib64': 'usr/lib64',
    '/sbin': 'usr/sbin',
  });
  await stageDirectories(root, [
    '/dev',
    '/proc',
    '/sys',
    '/tmp',
    '/var/log',
    '/usr/lib',
    '/usr/lib64',
    '/usr/sbin',
  ]);
  await stageTexts(root, accounts);
  await stageFile(root, '/bin/sh', '/usr/bin/sh');
  return packLayer(root);
}

async function makeLibraries(root: string): Promise<string> {
  await stageLibraries(root, [process.execPath, '/bin/sh']);
  return packLayer(root);
}

async function makeNode(root: string): Promise<string> {
  await stageFile(root, process.execPath, '/usr/local/bin/node');
  return packLayer(root);
}

async function makeApp(root: string): Promise<string> {
  await stageTexts(root, { '/app/server.mjs': server });
  return packLayer(root);
}
