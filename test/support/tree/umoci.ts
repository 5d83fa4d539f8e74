import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { baseNameOf, parentOf } from '../../../src/base/image-path.ts';
import type { LayerEntry } from '../../../src/tree/entry.ts';

/** Unpacks layers with umoci into `directory` and gives the result in the form of `linesOf`. */
export async function unpackWithUmoci(directory: string, layers: readonly Buffer[]): Promise<string[]> {
  const image = join(directory, 'image');
  const bundle = join(directory, 'bundle');
  writeLayout(image, layers);
  execFileSync('umoci', ['unpack', '--rootless', '--image', `${image}:test`, bundle], { stdio: 'pipe' });
  return ['/', ...(await linesOfDirectory(join(bundle, 'rootfs'), ''))];
}

/** The tar of a layer, with whiteouts as OCI writes them. */
export async function tarOf(entries: readonly LayerEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const entry of entries) {
    const name = Buffer.from(nameOf(entry).slice(1), 'latin1').toString('latin1');
    if (entry.kind === 'file') archive.entry({ name, mode: entry.mode }, entry.content ?? Buffer.alloc(0));
    else if (entry.kind === 'directory') archive.entry({ name, mode: entry.mode, type: 'directory' });
    else if (entry.kind === 'symlink') archive.entry({ name, type: 'symlink', linkname: entry.target });
    else if (entry.kind === 'hardlink')
      archive.entry({ name, type: 'link', linkname: entry.target.slice(1) });
    else archive.entry({ name }, '');
  }
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function nameOf(entry: LayerEntry): string {
  switch (entry.kind) {
    case 'whiteout':
      return `${parentOf(entry.path)}/.wh.${baseNameOf(entry.path)}`.replace('//', '/');
    case 'opaque':
      return `${entry.path}/.wh..wh..opq`.replace('//', '/');
    default:
      return entry.path;
  }
}

function writeLayout(directory: string, layers: readonly Buffer[]): void {
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  const store = (bytes: Buffer | string) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(directory, 'blobs/sha256', hex), bytes);
    return { digest: `sha256:${hex}`, size: Buffer.byteLength(bytes) };
  };
  const blobs = layers.map((layer) => ({
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    ...store(layer),
  }));
  const config = store(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: blobs.map((blob) => blob.digest) },
    }),
  );
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = store(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: blobs,
    }),
  );
  const named = { 'org.opencontainers.image.ref.name': 'test' };
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(directory, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ mediaType: manifestType, ...manifest, annotations: named }],
    }),
  );
}

async function linesOfDirectory(root: string, path: string): Promise<string[]> {
  const lines: string[] = [];
  for (const name of (await readdir(join(root, path))).sort()) {
    const at = `${path}/${name}`;
    const stat = await lstat(join(root, at));
    if (stat.isDirectory()) {
      lines.push(`${at}/ ${(stat.mode & 0o7777).toString(8)}`, ...(await linesOfDirectory(root, at)));
    } else if (stat.isSymbolicLink()) lines.push(`${at} -> ${await readlink(join(root, at))}`);
    else lines.push(`${at} = ${await readFile(join(root, at), 'utf8')}`);
  }
  return lines;
}
