import type { TestContext } from 'vitest';
import type { TestEngine } from '../images/engine.ts';
import { engineForTest, imageForTest } from '../images/image-for-test.ts';
import type { ImageName } from '../images/make-image.ts';
import { needs } from './stage.ts';
import { layWire, type Wire } from './wire.ts';

/** Containers as the tests run them. */
export const container = ['run', '--rm', '--network=none', '--security-opt=seccomp=unconfined'];
export const directly = [...container, '-e', 'GRAMINE_MODE=direct'];
/** How an image without a shell is started in direct mode: options, and the words after the image. */
export const withoutShell = {
  options: ['--entrypoint', '/gramine/runtime/direct/loader'],
  words: ['/gramine/runtime/direct/libpal.so', 'init', '/gramine/app_files/entrypoint'],
};
export const withShell = { options: [], words: [] };

export interface EngineStage {
  readonly engine: TestEngine;
  /** Between gsc and the Engine; it has counted nothing yet. */
  readonly wire: Wire;
  /** What gsc gets: the Engine, and nothing else. */
  readonly env: Readonly<Record<string, string>>;
}

let wire: Promise<Wire> | undefined;

/** The Engine of the tests' process with app images in it, named like `busybox:1`. Ends with the process. */
export async function engineWith(
  context: TestContext,
  ...images: readonly ImageName[]
): Promise<EngineStage> {
  needs(context, 'cc skopeo');
  const engine = await engineForTest(context);
  wire ??= layWire({ path: engine.socket });
  const laid = await wire;
  for (const name of images) {
    const { reference } = await imageForTest(context, name);
    if ((await idOf(engine, `${name}:1`)) === '') await engine.load(reference, `${name}:1`);
  }
  laid.reset();
  return { engine, wire: laid, env: { DOCKER_HOST: `unix://${(laid.place as { path: string }).path}` } };
}

/** The ID of the image that has a name; empty if none has. */
export async function idOf(engine: TestEngine, name: string): Promise<string> {
  return (await engine.docker('images', '--no-trunc', '-q', name)).trim();
}

/** All images and their names, those without a name too. */
export async function imagesOf(engine: TestEngine): Promise<readonly string[]> {
  const format = '{{.Repository}}:{{.Tag}} {{.ID}}';
  const printed = await engine.docker('images', '--all', '--no-trunc', '--format', format);
  return printed.trim().split('\n').sort();
}

/** How often gsc asked for something like this. */
export function countOf(wire: Wire, request: RegExp): number {
  return wire.requests().filter((line) => request.test(line)).length;
}
