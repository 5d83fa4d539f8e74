// The program behind scripts/make-gsc-image, which says what its options are: ROOT [options].
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { digestOf } from '../../src/base/digest.ts';
import { bytesOfText, imagePath } from '../../src/base/image-path.ts';
import { type AddedLayer, appendLayers, assembleImage } from '../../src/image/append.ts';
import type { RunConfig } from '../../src/image/config.ts';
import type { Image } from '../../src/image/image.ts';
import { mediaTypes } from '../../src/image/media-type.ts';
import { compressLayers } from '../../src/layer/compress-layers.ts';
import { openImages } from '../../src/library/images.ts';
import { type TarInput, tarBytes } from '../../src/tar/write-tar.ts';
import type { FileTree } from '../../src/tree/file-tree.ts';
import { lookup } from '../../src/tree/resolve-path.ts';
import { busyboxPart, gscPart, type ImageFile, joinParts, nodePart, packageDirectory } from './files.ts';

/** What distroless images call nonroot. */
const user = 65532;
const home = '/home/gsc';

const [root = '', ...words] = process.argv.slice(2);
const { values } = parseArgs({
  args: words,
  options: {
    output: { type: 'string', short: 'o' },
    base: { type: 'string' },
    node: { type: 'string', default: process.execPath },
    busybox: { type: 'string' },
    package: { type: 'string', default: root },
  },
});
const { version, license } = JSON.parse(readFileSync(join(values.package, 'package.json'), 'utf8'));
const epochSeconds = Number(process.env.SOURCE_DATE_EPOCH ?? 0);
const created = new Date(epochSeconds * 1000).toISOString().replace('.000Z', 'Z');

const images = openImages({ usesCache: false });
try {
  const image = values.base === undefined ? newImage() : await onBase((await images.open(values.base)).image);
  const isNew = (layer: { readonly descriptor: { readonly mediaType: string } }) =>
    layer.descriptor.mediaType === mediaTypes.ociLayer ||
    layer.descriptor.mediaType === mediaTypes.dockerLayer;
  const { manifest, reference } = await store(await compressLayers(image, isNew));
  process.stdout.write(`${reference}@${manifest}\n`);
} catch (error) {
  process.stderr.write(`make-gsc-image: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await images.close();
}

async function store(image: Image): Promise<{ readonly manifest: string; readonly reference: string }> {
  const reference = values.output ?? `docker-daemon:gsc:${version}`;
  const { manifest } = await images.store(image, reference, { force: true });
  return { manifest: manifest.digest, reference };
}

/** Node below, gsc on top: a new version of gsc is a small layer. */
function newImage(): Image {
  const busybox =
    values.busybox ?? execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
  const node = joinParts([nodePart(values.node), busyboxPart(busybox)]);
  const gsc = gscPart(values.package);
  const empty = assembleImage({
    name: 'gsc',
    config: {
      os: 'linux',
      architecture: 'amd64',
      config: {},
      rootfs: { type: 'layers', diff_ids: [] },
      history: [],
    },
    layers: [],
    isDocker: false,
  });
  const sbom = {
    path: `${packageDirectory}/dist/sbom.cdx.json`,
    mode: 0o644,
    content: sbomWith(node.components),
  };
  return appendLayers(empty, {
    name: 'gsc',
    created,
    layers: [
      layerOf([...node.files, ...accounts()], 'Node.js'),
      layerOf([...gsc.files, sbom], `gsc ${version}`),
    ],
    configure: runConfig,
  });
}

/** gsc on an image that has Node. */
async function onBase(base: Image): Promise<Image> {
  const { files } = gscPart(values.package);
  const { tree } = await images.scan(base);
  const isDocker = base.manifest.mediaType === mediaTypes.dockerManifest;
  const sbom = { path: `${packageDirectory}/dist/sbom.cdx.json`, mode: 0o644, content: sbomWith([]) };
  return appendLayers(base, {
    name: 'gsc',
    created,
    layers: [layerOf([...files, sbom], `gsc ${version}`, { tree, isDocker })],
    configure: (config) =>
      runConfig({
        ...config,
        Labels: { ...config.Labels, 'org.opencontainers.image.base.digest': base.manifest.digest },
      }),
  });
}

function runConfig(base: RunConfig): RunConfig {
  const { Labels } = base;
  const Env = base.Env ?? [];
  const path =
    Env.find((each) => each.startsWith('PATH=')) ??
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const others = Env.filter((each) => !/^(?:PATH|HOME)=/.test(each));
  return {
    User: `${user}:${user}`,
    Env: [path, ...others, `HOME=${home}`],
    Entrypoint: ['/usr/local/bin/gsc'],
    Cmd: ['--help'],
    WorkingDir: '/work',
    Labels: {
      ...Labels,
      'org.opencontainers.image.title': 'gsc',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': license,
    },
  };
}

/** Accounts, and how names of hosts are looked up. */
function accounts(): readonly ImageFile[] {
  const texts = {
    '/etc/passwd': `root:x:0:0:root:/root:/sbin/nologin\ngsc:x:${user}:${user}:gsc:${home}:/bin/sh\n`,
    '/etc/group': `root:x:0:\ngsc:x:${user}:\n`,
    '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  };
  return Object.entries(texts).map(([path, text]) => ({ path, mode: 0o644, content: Buffer.from(text) }));
}

/** The package's SBOM, with what is in the image besides. */
function sbomWith(components: readonly Readonly<Record<string, unknown>>[]): Buffer {
  const sbom = JSON.parse(readFileSync(join(values.package, 'dist/sbom.cdx.json'), 'utf8'));
  const refs = components.map((each) => each['bom-ref']);
  const [own, ...others] = sbom.dependencies;
  const all = {
    ...sbom,
    components: [...sbom.components, ...components],
    dependencies: [
      { ...own, dependsOn: [...own.dependsOn, ...refs] },
      ...others,
      ...refs.map((ref) => ({ ref, dependsOn: [] })),
    ],
  };
  return Buffer.from(`${JSON.stringify(all, null, 2)}\n`);
}

/** Files sorted, with the directories that they need and the image does not have, those for temporary files and the user's own. */
function layerOf(
  files: readonly ImageFile[],
  comment: string,
  { tree, isDocker = false }: { readonly tree?: FileTree; readonly isDocker?: boolean } = {},
): AddedLayer {
  const common = { uid: 0, gid: 0, mtimeSeconds: epochSeconds };
  const own = { uid: user, gid: user };
  const directories = new Map<string, object>([
    ['/tmp', { mode: 0o1777 }],
    ['/var/tmp', { mode: 0o1777 }],
    [home, { mode: 0o755, ...own }],
    ['/work', { mode: 0o755, ...own }],
  ]);
  for (const { path } of [...files, ...[...directories.keys()].map((path) => ({ path }))])
    for (let at = dirname(path); at !== '/'; at = dirname(at))
      if (!directories.has(at)) directories.set(at, { mode: 0o755 });
  const missing = [...directories].filter(
    ([path]) => tree === undefined || lookup(tree, imagePath(bytesOfText(path))) === undefined,
  );
  const inputs = [
    ...missing.map(
      ([path, attributes]) =>
        ({ ...common, kind: 'directory', name: nameOf(path), ...attributes }) as TarInput,
    ),
    ...files.map(
      ({ path, mode = 0o777, content, target }): TarInput =>
        content === undefined
          ? { ...common, kind: 'symlink', name: nameOf(path), mode, linkName: bytesOfText(target ?? '') }
          : { ...common, kind: 'file', name: nameOf(path), mode, content },
    ),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  const tar = tarBytes(inputs);
  const digest = digestOf(tar);
  const mediaType = isDocker ? mediaTypes.dockerLayer : mediaTypes.ociLayer;
  return {
    comment,
    layer: {
      descriptor: { mediaType, digest, sizeBytes: tar.length },
      diffId: digest,
      async *open() {
        yield tar;
      },
    },
  };
}

function nameOf(path: string) {
  return bytesOfText(path.slice(1));
}
