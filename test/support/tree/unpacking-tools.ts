import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { baseNameOf, parentOf } from '../../../src/base/image-path.ts';
import type { LayerEntry } from '../../../src/tree/entry.ts';
import type { TestEngine } from '../images/engine.ts';
import { runTool } from '../images/run-tool.ts';

/** Unpacks layers with umoci into `directory` and gives the result in the form of `linesOf`. */
export async function unpackWithUmoci(directory: string, layers: readonly Buffer[]): Promise<string[]> {
  const image = join(directory, 'image');
  const bundle = join(directory, 'bundle');
  writeLayout(image, layers);
  execFileSync('umoci', ['unpack', '--rootless', '--image', `${image}:test`, bundle], { stdio: 'pipe' });
  return ['/', ...(await linesOfDirectory(join(bundle, 'rootfs'), ''))];
}

/**
 * The file system of a container of these layers in a Docker Engine, as `linesOf` has it but for modes: the Engine gives new
 * ones to directories that a layer implies. Undefined if it refuses the image.
 */
export async function unpackWithDocker(
  { docker }: TestEngine,
  directory: string,
  layers: readonly Buffer[],
): Promise<readonly string[] | undefined> {
  const name = 'gsc-layers:1';
  const archive = join(directory, 'docker.tar');
  writeFileSync(archive, await dockerArchive(name, layers));
  try {
    await docker('load', '--quiet', '--input', archive);
  } catch {
    return undefined;
  }
  const id = (await docker('create', name, '/none')).trim();
  const exported = join(directory, 'exported.tar');
  await docker('export', '--output', exported, id);
  await docker('rm', id);
  await docker('rmi', name);
  const root = join(directory, 'exported');
  mkdirSync(root);
  execFileSync('tar', ['-C', root, '-xf', exported]);
  const lines = ['/', ...(await linesOfDirectory(root, ''))];
  return withoutModes(lines.filter((line) => !/^\/(?:dev|etc|proc|sys|\.dockerenv)\b/.test(line)));
}

/** The same for Podman with its overlay driver; what it keeps is in `store`, to be given back to {@link discardPodman}. */
export async function unpackWithPodman(
  store: string,
  directory: string,
  layers: readonly Buffer[],
): Promise<readonly string[] | undefined> {
  const place = [
    '--root',
    join(store, 'root'),
    '--runroot',
    join(store, 'run'),
    '--storage-driver',
    'overlay',
  ];
  const podman = (...args: readonly string[]) => runTool('podman', [...place, '--runtime', 'runc', ...args]);
  const name = 'localhost/gsc-layers:1';
  const archive = join(directory, 'podman.tar');
  writeFileSync(archive, await dockerArchive(name, layers));
  try {
    await podman('load', '--quiet', '--input', archive);
  } catch {
    return undefined;
  }
  const id = (await podman('create', name, '/none')).trim();
  const mounted = (await podman('mount', id)).trim();
  const lines = ['/', ...(await linesOfDirectory(mounted, ''))];
  await podman('rm', '--force', id);
  await podman('rmi', name);
  return withoutModes(lines);
}

/** Removes what Podman keeps in a directory. After a failure its overlay driver leaves a mount there. */
export function discardPodman(store: string): void {
  spawnSync('umount', [join(store, 'root/overlay')]);
  rmSync(store, { recursive: true });
}

/** Lines of `linesOf` that say about a directory no more than that it is one. */
export function withoutModes(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replace(/\/ [0-7]+$/, '/'));
}

/** What `docker save` writes. Docker Engine API, "Export an image". */
async function dockerArchive(name: string, layers: readonly Buffer[]): Promise<Buffer> {
  const digests = layers.map((layer) => createHash('sha256').update(layer).digest('hex'));
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: digests.map((hex) => `sha256:${hex}`) },
  };
  const names = digests.map((hex) => `${hex}/layer.tar`);
  const archive = pack();
  archive.entry({ name: 'config.json' }, JSON.stringify(config));
  archive.entry(
    { name: 'manifest.json' },
    JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: names }]),
  );
  for (const [file, layer] of new Map(layers.map((each, i) => [names[i] ?? '', each]))) {
    archive.entry({ name: file }, layer);
  }
  archive.finalize();
  return collect(archive);
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
  return collect(archive);
}

async function collect(archive: AsyncIterable<unknown>): Promise<Buffer> {
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
    const stat = await lstat(join(root, at)).catch(() => undefined);
    // overlayfs lists a whiteout in a directory that hides a link, and then says that there is nothing of that name.
    if (stat === undefined) continue;
    if (stat.isDirectory()) {
      lines.push(`${at}/ ${(stat.mode & 0o7777).toString(8)}`, ...(await linesOfDirectory(root, at)));
    } else if (stat.isSymbolicLink()) lines.push(`${at} -> ${await readlink(join(root, at))}`);
    else lines.push(`${at} = ${await readFile(join(root, at), 'utf8')}`);
  }
  return lines;
}
