import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { imageTime, type RunConfig } from './recipe.ts';

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface LayerBlob extends Blob {
  readonly diffId: string;
}

/**
 * Writes an OCI layout with one image, tagged `latest`, from uncompressed tar files. It shares no code with gsc's own
 * writer on purpose: what is tested must not make its own input.
 */
export async function writeOciLayout(
  layout: string,
  tars: readonly string[],
  options: { readonly config: RunConfig; readonly compression: 'gzip' | 'none' },
): Promise<void> {
  await mkdir(join(layout, 'blobs', 'sha256'), { recursive: true });
  const layers: LayerBlob[] = [];
  for (const tar of tars) layers.push(await writeLayer(layout, tar, options.compression));
  const created = new Date(imageTime * 1000).toISOString().replace('.000', '');
  const config = await writeJson(layout, 'application/vnd.oci.image.config.v1+json', {
    created,
    architecture: 'amd64',
    os: 'linux',
    config: options.config,
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map((_, index) => ({ created, created_by: `test layer ${index}` })),
  });
  const manifest = await writeJson(layout, 'application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  });
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  await writeFile(join(layout, 'index.json'), JSON.stringify(index));
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

async function writeLayer(layout: string, tar: string, compression: 'gzip' | 'none'): Promise<LayerBlob> {
  const diffId = await digestOfFile(tar);
  const type = 'application/vnd.oci.image.layer.v1.tar';
  const unfinished = join(layout, 'layer.tmp');
  const steps = compression === 'gzip' ? [createGzip({ level: 1 })] : [];
  await pipeline([createReadStream(tar), ...steps, createWriteStream(unfinished)]);
  const mediaType = compression === 'gzip' ? `${type}+gzip` : type;
  return { mediaType, diffId, ...(await nameByDigest(layout, unfinished)) };
}

async function nameByDigest(layout: string, file: string): Promise<{ digest: string; size: number }> {
  const digest = await digestOfFile(file);
  const { size } = await stat(file);
  await rename(file, join(layout, 'blobs', 'sha256', digest.slice('sha256:'.length)));
  return { digest, size };
}

async function writeJson(layout: string, mediaType: string, json: unknown): Promise<Blob> {
  const file = join(layout, 'json.tmp');
  await writeFile(file, JSON.stringify(json));
  return { mediaType, ...(await nameByDigest(layout, file)) };
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
}
