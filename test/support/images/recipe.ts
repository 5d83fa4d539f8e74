import { join } from 'node:path';
import { runTool } from './run-tool.ts';

/** The part of an image's configuration that says how it runs, in the spelling of OCI image-spec, config.md. */
export interface RunConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly ExposedPorts?: Readonly<Record<string, Readonly<Record<string, never>>>>;
  readonly Labels?: Readonly<Record<string, string>>;
}

/** How one test image is made. */
export interface Recipe {
  /** Programs that must be installed. */
  readonly tools: readonly string[];
  readonly config: RunConfig;
  /** Layers are stored so; both occur in the wild. */
  readonly compression: 'gzip' | 'none';
  /** Makes the layers as tar files in `stage`, an empty directory, and names them from the lowest on. */
  readonly makeLayers: (stage: string) => Promise<readonly string[]>;
}

/** All times in test images, in seconds: 2023-11-14. */
export const imageTime = 1_700_000_000;

/** Packs a directory with GNU tar into `DIRECTORY.tar`, always with the same bytes; all files belong to `uid`. */
export async function packLayer(directory: string, uid = 0): Promise<string> {
  const tar = `${directory}.tar`;
  await runTool('tar', [
    '--create',
    `--file=${tar}`,
    `--directory=${directory}`,
    '--format=gnu',
    '--sort=name',
    `--mtime=@${imageTime}`,
    `--owner=${uid}`,
    `--group=${uid}`,
    '--numeric-owner',
    '--transform=s,^\\./,,',
    '.',
  ]);
  return tar;
}

/** The path in a directory that stands for an image's root. */
export function inRoot(root: string, imagePath: string): string {
  return join(root, imagePath.replace(/^\/+/, ''));
}
