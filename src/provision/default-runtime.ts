import { GscError } from '../base/error.ts';
import { type ImageName, parseImageName } from '../reference/image-name.ts';
import type { OpenedImage } from '../store/opened-image.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** `HOST[:PORT][/PREFIX]` stands for the image's own host. Throws a `usage` error for anything else. */
export function mirroredName(image: string, mirror: string | undefined): ImageName {
  const name = parseImageName(image);
  if (mirror === undefined) return name;
  const { tag, digest, path } = name;
  const base = mirror.replace(/\/+$/, '');
  const host = base.split('/')[0] ?? '';
  const isHost = /[.:]/.test(host) || host === 'localhost';
  if (!isHost || base.includes('://')) throw badMirror(mirror);
  return { ...parseImageName(`${base}/${path}`), ...(tag && { tag }), ...(digest && { digest }) };
}

/**
 * Opens the default runtime. Once fetched it needs no network: its manifest, its config, the listings of its layers and
 * the files that were taken are in the cache. Throws what the registry says, with a word about how to do without it.
 */
export async function openDefaultRuntime(
  { images, cache, reporter }: Workspace,
  { image, mirror }: { readonly image: string; readonly mirror: string | undefined },
): Promise<OpenedImage> {
  const name = mirroredName(image, mirror);
  reporter.detail(`no runtime is configured: the default ${image} is used`);
  try {
    return await images.openPinned({ kind: 'registry', name }, cache.forFiles.contents);
  } catch (error) {
    throw cannotFetch(image, error);
  }
}

/** Also for failures while the layers are fetched. Errors of other kinds than the registry's pass unchanged. */
export function cannotFetch(image: string, error: unknown): unknown {
  if (!(error instanceof GscError) || !['registry', 'not-found'].includes(error.code)) return error;
  return new GscError({
    code: error.code,
    subject: image,
    message: `the default runtime cannot be fetched: ${error.message}`,
    hint: 'give a runtime with --runtime (an image, a directory, a .deb or .rpm file), or a mirror as Gramine.Mirror in config.yaml',
    cause: error,
  });
}

function badMirror(mirror: string): GscError {
  return new GscError({
    code: 'usage',
    subject: 'Gramine.Mirror',
    message: `expected HOST[:PORT][/PREFIX], got ${JSON.stringify(mirror)}`,
    hint: 'write it as in mirror.example.com/docker-hub',
  });
}
