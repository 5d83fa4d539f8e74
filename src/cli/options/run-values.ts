import { GscError } from '../../base/error.ts';
import type { BindMount } from '../../run/container-line.ts';

/** Reads `--mount SOURCE:PATH[:OPTIONS]`, as in `docker run -v`. Throws a `usage` error. */
export function listOfMounts(text: string, before: readonly BindMount[] = []): readonly BindMount[] {
  const [, source, path, options = ''] = /^([^:]+):(\/[^:]*)(?::([a-zA-Z,]+))?$/.exec(text) ?? [];
  if (source === undefined || path === undefined) {
    throw new GscError({
      code: 'usage',
      subject: '--mount',
      message: `expected SOURCE:PATH with an absolute PATH in the container, got ${JSON.stringify(text)}`,
      hint: 'write it as in --mount data:/data or --mount ./data:/data:ro',
    });
  }
  return [...before, { source, path, options }];
}

/** Reads `--secret NAME=FILE`. Throws a `usage` error. */
export function listOfSecretFiles(
  text: string,
  before: readonly (readonly [string, string])[] = [],
): readonly (readonly [string, string])[] {
  const [, name, file] = /^([^=/]+)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || file === undefined) {
    throw new GscError({
      code: 'usage',
      subject: '--secret',
      message: `expected NAME=FILE, got ${JSON.stringify(text)}`,
      hint: 'write it as in --secret token=./token.txt',
    });
  }
  return [...before, [name, file]];
}
