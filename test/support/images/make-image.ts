import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { busyboxImage } from './busybox-image.ts';
import { cachedDirectory, fingerprintOf } from './cache.ts';
import { debianPythonImage } from './debian-python-image.ts';
import { muslImage } from './musl-image.ts';
import { nodeImage } from './node-image.ts';
import { writeOciLayout } from './oci-layout.ts';
import type { Recipe } from './recipe.ts';
import { runTool } from './run-tool.ts';
import { scratchImage } from './scratch-image.ts';

const recipes = {
  node: nodeImage,
  busybox: busyboxImage,
  scratch: scratchImage,
  musl: muslImage,
  'debian-python': debianPythonImage,
} satisfies Record<string, Recipe>;

export type ImageName = keyof typeof recipes;

export const imageNames = Object.keys(recipes) as readonly ImageName[];

/** A real app image, in both forms in which a test may want it. */
export interface TestImage {
  /** An OCI layout directory; the image is tagged `latest` in it. */
  readonly layout: string;
  /** The unpacked files. Tests must not change them. */
  readonly rootfs: string;
  /** The image's name for gsc, skopeo and podman. */
  readonly reference: string;
}

/** The programs that making an image needs. */
export function toolsFor(name: ImageName): readonly string[] {
  return recipes[name].tools;
}

/** Makes an app image, or gives the one in the cache (`GSC_TEST_CACHE`, else `out/images`). Needs root, for owners. */
export async function makeImage(
  name: ImageName,
  options: { readonly cache?: string } = {},
): Promise<TestImage> {
  const recipe: Recipe = recipes[name];
  const key = fingerprintOf(['test/support/images'], [name, process.version]);
  const directory = await cachedDirectory(name, { key, cache: options.cache }, async (unfinished) => {
    const stage = join(unfinished, 'stage');
    await mkdir(stage);
    const tars = await recipe.makeLayers(stage);
    await writeOciLayout(join(unfinished, 'layout'), tars, recipe);
    await unpack(tars, join(unfinished, 'rootfs'));
    await rm(stage, { recursive: true });
  });
  const layout = join(directory, 'layout');
  return { layout, rootfs: join(directory, 'rootfs'), reference: `oci:${layout}:latest` };
}

async function unpack(tars: readonly string[], rootfs: string): Promise<void> {
  await mkdir(rootfs);
  for (const tar of tars) {
    await runTool('tar', [
      '--extract',
      `--file=${tar}`,
      `--directory=${rootfs}`,
      '--numeric-owner',
      '--same-owner',
      '--preserve-permissions',
      '--keep-directory-symlink',
    ]);
  }
}
