import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { RunConfig } from '../../../src/image/config.ts';
import type { Image } from '../../../src/image/image.ts';
import { type AppOptions, appImage, staticProgram } from '../graminized/app-image.ts';
import { type Files, installation } from '../runtime/make-tree.ts';
import type { MadeEntry } from '../scan/made-layers.ts';
import { blobsOf, entryOf, indexOf, tagged, writeLayout } from '../store/sample.ts';

/** Writes a Gramine installation, whose ELF files have headers only, as a directory. */
export function writeRuntime(directory: string, version = '1.9'): void {
  writeFiles(directory, installation(undefined, version));
}

/** Writes files and links. */
export function writeFiles(directory: string, files: Files): void {
  for (const [path, what] of Object.entries(files)) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    if (typeof what === 'string' || Buffer.isBuffer(what)) writeFileSync(file, what);
    else if ('link' in what) symlinkSync(what.link, file);
  }
}

export interface MadeApp extends AppOptions {
  readonly run?: RunConfig;
  readonly entries?: readonly MadeEntry[];
}

/** Writes an app image with a program and a shell as an OCI layout, tagged `latest`, and gives the image. */
export async function writeApp(layout: string, options: MadeApp = {}): Promise<Image> {
  const entries = [staticProgram(), staticProgram('bin/sh'), ...(options.entries ?? [])];
  const image = await appImage([entries], { Cmd: ['/app'], ...options.run }, options);
  await writeImage(layout, image);
  return image;
}

/** Writes an image as an OCI layout, tagged `latest`. */
export async function writeImage(layout: string, image: Image): Promise<void> {
  const entry = entryOf(image.manifestBytes, { mediaType: image.manifest.mediaType, ...tagged('latest') });
  writeLayout(layout, await blobsOf(image), { 'index.json': indexOf(entry) });
}
