import { describe, expect, test } from 'vitest';
import { type Digest, digestOf } from '../../src/base/digest.ts';
import type { Layer } from '../../src/image/image.ts';
import { mediaTypes } from '../../src/image/media-type.ts';
import type { LayerIndex } from '../../src/scan/layer-index.ts';
import { scanLayer } from '../../src/scan/scan-layer.ts';
import { type TarInput, tarBytes } from '../../src/tar/write-tar.ts';
import { listLayersOfExport } from '../../src/workspace/export-listener.ts';
import { tarWith } from '../support/scan/made-layers.ts';

const common = { uid: 0, gid: 0, mtimeSeconds: 0, mode: 0o644 };
const file = (name: string, content: Buffer): TarInput => ({ kind: 'file', name, content, ...common });

async function listed(
  archive: Buffer,
  diffIds: readonly Digest[],
  pieceBytes: number,
): Promise<readonly LayerIndex[]> {
  const indexes: LayerIndex[] = [];
  const listener = listLayersOfExport(diffIds, async (index) => void indexes.push(index));
  for (let at = 0; at < archive.length; at += pieceBytes)
    listener.piece(archive.subarray(at, at + pieceBytes));
  await listener.end();
  return indexes;
}

function layerOf(tar: Buffer): Layer {
  const diffId = digestOf(tar);
  async function* open() {
    yield tar;
  }
  return {
    diffId,
    descriptor: { mediaType: mediaTypes.dockerLayer, digest: diffId, sizeBytes: tar.length },
    open,
  };
}

const scanned = (tars: readonly Buffer[]) =>
  Promise.all(tars.map((tar) => scanLayer(layerOf(tar), { subject: 'test' })));

const makeTars = () =>
  Promise.all([
    tarWith([
      ['etc/passwd', 'root:x:0:0::/:/bin/sh\n'],
      ['bin/tool', '#!/bin/sh\n', 0o755],
      ['bin/link', { link: 'tool' }],
    ]),
    tarWith([
      ['data', 'x'.repeat(5000)],
      ['empty', ''],
    ]),
  ]);

const names = (tar: Buffer) => ({
  old: `${digestOf(tar).slice(10, 74)}/layer.tar`,
  oci: `blobs/sha256/${digestOf(tar).slice('sha256:'.length)}`,
});

describe('the layers of an export are listed while it arrives, as a scan of them lists them', () => {
  test.each([
    ['old', 1],
    ['old', 700],
    ['oci', 512],
    ['oci', 1 << 20],
  ] as const)('in the %s form, in pieces of %i bytes', async (form, pieceBytes) => {
    const tars = await makeTars();
    const archive = tarBytes([
      ...tars.map((tar) => file(names(tar)[form], tar)),
      file('manifest.json', Buffer.from('[]')),
    ]);
    expect(await listed(archive, tars.map(digestOf), pieceBytes)).toEqual(await scanned(tars));
  });
});

describe('whether bytes are listed is said', () => {
  const large = () => tarWith([['data', 'x'.repeat(1_000_000)]]);
  const pieceBytes = 65536;

  /** For each piece what was said, and what at the end. */
  async function told(archive: Buffer, diffIds: readonly Digest[]) {
    const listener = listLayersOfExport(diffIds, async () => undefined);
    const pieces: boolean[] = [];
    for (let at = 0; at < archive.length; at += pieceBytes)
      pieces.push(listener.piece(archive.subarray(at, at + pieceBytes)));
    return { pieces, end: await listener.end() };
  }

  test('of pieces that lie in a layer, but near its beginning', async () => {
    const tar = await large();
    const document = file('manifest.json', Buffer.from('[]'));
    const { pieces, end } = await told(tarBytes([file(names(tar).old, tar), document]), [digestOf(tar)]);
    expect(end).toBe(true);
    expect(pieces.slice(0, 2)).toEqual([false, false]);
    expect(pieces.slice(3, -1)).toEqual(pieces.slice(3, -1).map(() => true));
    expect(pieces.at(-1)).toBe(false);
  });

  test('not of layers that the image does not have, and of other files', async () => {
    const tar = await large();
    const archive = tarBytes([file(names(tar).oci, tar), file('other', tar)]);
    const { pieces, end } = await told(archive, []);
    expect(end).toBe(true);
    expect(pieces).toEqual(pieces.map(() => false));
  });

  test('and taken back at the end, where a layer turns out to be another or damaged', async () => {
    const tar = await large();
    const damaged = Buffer.from(tar).fill(0xff, tar.length - 1024);
    for (const [bytes, diffId] of [
      [tar, digestOf('another')],
      [damaged, digestOf(damaged)],
    ] as const) {
      const { pieces, end } = await told(tarBytes([file('x/layer.tar', bytes)]), [diffId]);
      expect(pieces).toContain(true);
      expect(end).toBe(false);
    }
  });
});

describe('left to the scan', () => {
  test('layers that the image does not have', async () => {
    const [first, second] = (await makeTars()) as [Buffer, Buffer];
    const archive = tarBytes([file(names(first).old, first), file(names(second).oci, second)]);
    expect(await listed(archive, [digestOf(second)], 4096)).toEqual(await scanned([second]));
  });

  test('what is no tar, or damaged, or cut short; the others are listed', async () => {
    const [first, second] = (await makeTars()) as [Buffer, Buffer];
    const damaged = Buffer.from(first);
    damaged.fill(0xff, 100, 200);
    const broken = [Buffer.from('{"no": "tar"}'.repeat(100)), damaged, first.subarray(0, 520)];
    const archive = tarBytes([
      ...broken.map((bytes, i) => file(`${i}/layer.tar`, bytes)),
      file(names(second).old, second),
    ]);
    const diffIds = [...broken, second].map(digestOf);
    expect(await listed(archive, diffIds, 4096)).toEqual(await scanned([second]));
  });

  test('a layer whose bytes are not what its name says', async () => {
    const [first, second] = (await makeTars()) as [Buffer, Buffer];
    const archive = tarBytes([file(names(first).oci, second)]);
    expect(await listed(archive, [digestOf(first)], 4096)).toEqual([]);
  });

  test('an archive that is damaged from some point on', async () => {
    const [first, second] = (await makeTars()) as [Buffer, Buffer];
    const archive = tarBytes([file(names(first).old, first), file(names(second).old, second)]);
    archive.fill(0xff, archive.length - second.length - 1536, archive.length - second.length - 1400);
    expect(await listed(archive, [first, second].map(digestOf), 4096)).toEqual(await scanned([first]));
  });
});
