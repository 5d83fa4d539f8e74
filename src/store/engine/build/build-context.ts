import { bytesOfText } from '../../../base/image-path.ts';
import type { ByteStream } from '../../../image/image.ts';
import { tarBytes } from '../../../tar/write-tar.ts';

/** A file that a build may copy. */
export interface ContextFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

/** The files as a tar. No clock and no owner of this machine: the Engine's own cache goes by the bytes. */
export async function* contextTar(files: readonly ContextFile[]): ByteStream {
  yield tarBytes(
    files.map(({ path, mode, content }) => ({
      kind: 'file',
      name: bytesOfText(path),
      mode,
      uid: 0,
      gid: 0,
      mtimeSeconds: 0,
      content: Buffer.from(content),
    })),
  );
}

/** Secrets as Podman wants them. */
export interface PodmanSecrets {
  readonly files: readonly ContextFile[];
  /** For the query of the build. */
  readonly query: Readonly<Record<string, string>>;
}

/**
 * Podman asks nothing back: secrets come as files of the context, which the query tells from the others. No instruction
 * copies them. podman, pkg/bindings/images/build.go.
 */
export function podmanSecrets(secrets: ReadonlyMap<string, Uint8Array>): PodmanSecrets {
  if (secrets.size === 0) return { files: [], query: {} };
  const named = [...secrets].map(([id, content]) => ({ id, path: `podman-build-secret-${id}`, content }));
  return {
    files: named.map(({ path, content }) => ({ path, mode: 0o600, content })),
    query: { secrets: JSON.stringify(named.map(({ id, path }) => `id=${id},src=${path}`)) },
  };
}
