import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { buildBase } from '../images/build-base.ts';
import type { TestEngine } from '../images/engine.ts';
import { noNetwork } from '../images/image-for-test.ts';
import { ToolFailure } from '../images/run-tool.ts';
import { type LoopbackServer, serveFiles } from './loopback-server.ts';
import { repositoryOf, type SourceRepository, standinRepository } from './source-repository.ts';
import { needs } from './stage.ts';

/** Everything that a build of a runtime gets from outside, on loopback: sources and a mirror of packages. */
export interface BuildWorld {
  readonly gramine: SourceRepository;
  readonly graphene: SourceRepository;
  readonly driver: SourceRepository;
  /** The commit of Gramine's sources that v1.9 is. */
  readonly commit: string;
  readonly server: LoopbackServer;
  /** Writes a configuration and gives its name; Debian 12, the mirror, and Gramine's sources unless they are overridden. */
  readonly configure: (name: string, more?: Readonly<Record<string, string>>) => string;
}

/** Lays the sources out in `directory` and serves them. */
export async function layBuildWorld(directory: string, mirror: string): Promise<BuildWorld> {
  const at = (name: string) => join(directory, name);
  const gramine = await standinRepository(at('gramine'), 'gramine');
  const commit = await gramine.commit('one', 'v1.9');
  const graphene = await standinRepository(at('graphene'), 'graphene');
  await graphene.commit('one', 'v1.1');
  const driver = await repositoryOf(at('driver'), { 'sgx_user.h': '' });
  await driver.commit('one', 'sgx_driver_1.9');
  const server = await serveFiles({
    mirror,
    gramine: gramine.directory,
    graphene: graphene.directory,
    driver: driver.directory,
    wheels: at('wheels'),
  });
  return {
    gramine,
    graphene,
    driver,
    commit,
    server,
    configure: (name, more = {}) => {
      const settings = {
        Distro: 'debian:12',
        Mirror: `${server.url}/mirror`,
        'Gramine.Repository': `${server.url}/gramine/.git`,
        'Gramine.Branch': 'v1.9',
        ...more,
      };
      mkdirSync(directory, { recursive: true });
      writeFileSync(at(name), yamlOf(settings));
      return at(name);
    },
  };
}

/** The base image in an Engine, under the names of the distributions that the tests build on. */
export async function loadBuildBase(
  context: TestContext,
  engine: TestEngine,
): Promise<{ readonly mirror: string }> {
  needs(context, 'git mmdebstrap dpkg-deb');
  try {
    const { root, mirror } = await buildBase();
    await engine.docker('import', root, 'debian:12');
    // Debian stands for Ubuntu 18.04 too: no other distribution is available on the machines that test.
    await engine.docker('tag', 'debian:12', 'ubuntu:18.04');
    return { mirror };
  } catch (error) {
    if (!process.env.CI && error instanceof ToolFailure && noNetwork.test(error.stderr)) {
      context.skip(`the base for builds needs a package mirror: ${error.message}`);
    }
    throw error;
  }
}

function yamlOf(settings: Readonly<Record<string, string>>): string {
  const tables = new Map<string, string[]>();
  for (const [name, value] of Object.entries(settings)) {
    const [table, key] = name.includes('.') ? name.split('.') : ['', name];
    if (value !== '')
      tables.set(table ?? '', [...(tables.get(table ?? '') ?? []), `${key}: ${JSON.stringify(value)}`]);
  }
  return [...tables]
    .flatMap(([table, lines]) => (table === '' ? lines : [`${table}:`, ...lines.map((line) => `  ${line}`)]))
    .join('\n');
}
