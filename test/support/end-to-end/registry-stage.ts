import { join } from 'node:path';
import type { TestContext } from 'vitest';
import { imageForTest } from '../images/image-for-test.ts';
import type { ImageName } from '../images/make-image.ts';
import { runTool } from '../images/run-tool.ts';
import { atEnd } from '../store/registry/fixture.ts';
import {
  isListening,
  type RealRegistry,
  type RealRegistryOptions,
  serve,
  startRealRegistry,
} from '../store/registry/real-registry.ts';
import { needs } from './stage.ts';
import { layWire, type Wire } from './wire.ts';

/** gsc gets no Engine: an answer of one would not be asked for. */
export const withoutEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

export interface RegistryStage {
  readonly registry: RealRegistry;
  /** Between gsc and the registry; it has counted nothing yet. */
  readonly wire: Wire;
  /** `docker://HOST/NAME` as gsc reaches it, through the wire. */
  readonly at: (name: string) => string;
  /** The same past the wire, for other programs. */
  readonly past: (name: string) => string;
  /** Runs skopeo against the registry. */
  readonly skopeo: (...args: readonly string[]) => Promise<string>;
}

/** A registry for one test, with app images in it, named like `app/busybox:1`. */
export async function registryWith(
  context: TestContext,
  images: readonly ImageName[],
  options: RealRegistryOptions = {},
): Promise<RegistryStage> {
  needs(context, 'cc skopeo docker-registry');
  const registry = await startRealRegistry(options);
  const wire = await layWire({ port: Number(registry.domain.split(':')[1]) });
  atEnd(async () => wire.close());
  const { port } = wire.place as { port: number };
  const past = (name: string) => `docker://${registry.domain}/${name}`;
  const login = options.htpasswd
    ? [`--dest-creds=${options.htpasswd.username}:${options.htpasswd.password}`]
    : [];
  for (const name of images) {
    const { reference } = await imageForTest(context, name);
    const source = ['copy', '--quiet', '--dest-tls-verify=false', ...login, reference];
    await runTool('skopeo', [...source, past(`app/${name}:1`)]);
  }
  return {
    registry,
    wire,
    at: (name) => `docker://localhost:${port}/${name}`,
    past,
    skopeo: (...args) => runTool('skopeo', args),
  };
}

/** Starts a registry that was killed again, with what it has on its disk. */
export async function restart({ directory }: RealRegistry): Promise<void> {
  const { child, log } = serve(join(directory, 'config.yml'));
  if (!(await isListening(child, log))) throw new Error(`docker-registry does not start again: ${log()}`);
}

export interface RawManifest {
  readonly mediaType: string;
  readonly config: { readonly digest: string; readonly size: number };
  readonly layers: readonly { readonly digest: string; readonly size: number; readonly mediaType: string }[];
}

/** The manifest of a tag, as skopeo reads it. */
export async function manifestOf({ skopeo, past }: RegistryStage, name: string): Promise<RawManifest> {
  return JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', past(name)));
}

/** The tags of a repository; none if there is no such repository. */
export async function tagsOf({ skopeo, past }: RegistryStage, name: string): Promise<readonly string[]> {
  try {
    return JSON.parse(await skopeo('list-tags', '--tls-verify=false', past(name))).Tags ?? [];
  } catch (error) {
    if (String(error).includes('404 (Not Found)')) return [];
    throw error;
  }
}
