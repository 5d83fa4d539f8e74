import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GscError } from '../../base/error.ts';
import type { HostEnvironment } from '../../base/host-environment.ts';

/** IMAGE and the file after it, if one was given. */
export interface ImageAndFile {
  /** The name of the command, as in `gsc build`. */
  readonly call: string;
  readonly image: string;
  readonly name: 'MANIFEST' | 'KEY';
  readonly file: string | undefined;
}

/**
 * Throws a `usage` error where IMAGE is a file and the file is not: the two were swapped. An image in a file is
 * named differently (`docker-archive:FILE`).
 */
export async function checkFileFollows(
  host: HostEnvironment,
  { call, image, name, file }: ImageAndFile,
): Promise<void> {
  if (file === undefined || !(await statusOf(host, image))?.isFile()) return;
  const other = await statusOf(host, file);
  if (other === undefined || other.isDirectory()) {
    throw wrongOrder(`IMAGE ${image} is a file, and ${name} ${file} is not`, `${call} ${file} ${image}`);
  }
}

/** Throws a `usage` error where a KEY stands first. It is not repeated: a PIN may be in it. */
export function checkIsNoKey(call: string, name: 'IMAGE' | 'FILE', text: string): void {
  if (!/^(?:pkcs11|exec):/i.test(text)) return;
  throw wrongOrder(`${name} and KEY`, `${call} ${name} KEY`);
}

/** Throws a `usage` error where IMAGE is an absolute path and no PATH is one. */
export function checkPathsFollow(image: string, paths: readonly string[]): void {
  if (!image.startsWith('/') || paths.some((path) => path.startsWith('/'))) return;
  const [path = ''] = paths;
  throw wrongOrder(`IMAGE ${image} is a path, and PATH ${path} is not`, `gsc explain ${path} ${image}`);
}

function statusOf({ workingDirectory }: HostEnvironment, name: string) {
  return stat(resolve(workingDirectory, name)).catch(() => undefined);
}

function wrongOrder(facts: string, call: string): GscError {
  return new GscError({
    code: 'usage',
    subject: 'command line',
    message: `${facts}: they are in the wrong order`,
    hint: `write ${call}`,
  });
}
