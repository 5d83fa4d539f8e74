import { execFileSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { GscError } from '../../src/base/error.ts';
import { imagePath } from '../../src/base/image-path.ts';
import type { Layer } from '../../src/image/image.ts';
import { mediaTypes } from '../../src/image/media-type.ts';
import { verifiedStream } from '../../src/image/verified-stream.ts';
import { scanLayer } from '../../src/scan/scan-layer.ts';
import { areWorthThreads, ScanThread } from '../../src/scan/scan-threads.ts';
import { hasNodeZstd } from '../../src/tar/codec/unzstd.ts';
import { ObservedContents } from '../../src/verify/observed-contents.ts';
import { makeElf } from '../support/runtime/make-elf.ts';
import { fileLayer } from '../support/scan/file-layer.ts';
import { gzipped, layerFrom, sha256Of, tarWith } from '../support/scan/made-layers.ts';
import { threadProgram } from '../support/scan/thread-program.ts';
import { rawEntry, rawPax, rawTar } from '../support/tar/raw-tar.ts';
import { hasNeededTool } from '../support/tool.ts';

const directory = mkdtempSync(join(tmpdir(), 'gsc-threads-'));
let thread: ScanThread;

async function started(program: string): Promise<ScanThread> {
  const result = await ScanThread.start(program);
  if (result === undefined) throw new Error('no thread has started');
  return result;
}

beforeAll(async () => {
  thread = await started(await threadProgram(directory));
});
afterAll(async () => {
  await thread.end();
  rmSync(directory, { recursive: true });
});

const subject = 'test';
/** More than the pieces that are on their way together. */
const large = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(
  Buffer.alloc(5_000_000),
);

/** Extended headers where pieces end, which are 512 KiB long. */
function headersAcrossPieces(): Buffer {
  const filler = rawEntry({ name: 'filler' }, Buffer.alloc(2 ** 19 - 1536));
  const long = `d/${'n'.repeat(700)}`;
  return rawTar(filler, rawPax({ path: long }), rawEntry({ name: 'short' }, 'x'));
}

const goodTars: readonly (readonly [string, () => Buffer | Promise<Buffer>])[] = [
  [
    'small files',
    () =>
      tarWith([
        ['etc/passwd', 'root:x:0:0::/:\n'],
        ['run.sh', '#!/bin/sh\necho\n', 0o755],
      ]),
  ],
  [
    'files larger than pieces',
    () =>
      tarWith([
        ['a', large],
        ['b', 'x'],
        ['c', large],
      ]),
  ],
  ['headers across pieces', headersAcrossPieces],
  ['global headers', () => rawTar(rawPax({ path: 'evil', uid: '7' }, 'g'), rawEntry({ name: 'a' }))],
  ['no entries', () => Buffer.alloc(1024)],
];

const hasZstd = hasNeededTool('zstd');

function zstdOf(bytes: Buffer): Buffer {
  return execFileSync('zstd', ['-q', '-c'], { input: bytes, maxBuffer: 2 ** 28 });
}

/** The layer with its blob in a file, plain, in gzip and in zstd. */
function inFiles(tar: Buffer): readonly Layer[] {
  const forms = [tar, gzipSync(tar), ...(hasZstd ? [zstdOf(tar)] : [])];
  return forms.map((stored, i) => fileLayer(layerFrom(tar, { stored }), stored, join(directory, `blob${i}`)));
}

describe('a layer that is listed in a thread', () => {
  test.each(goodTars)('has the same index: %s', async (_, make) => {
    const tar = await make();
    const layers = [layerFrom(tar), layerFrom(tar, { pieceBytes: 2 ** 21 }), gzipped(tar)];
    for (const layer of [...layers, ...inFiles(tar)])
      expect(await thread.scan(layer, { subject })).toEqual(await scanLayer(layer, { subject }));
  });

  test('is read once, its bytes counted as they are stored', async () => {
    const tar = await tarWith([['a', large]]);
    let opened = 0;
    const layer = gzipped(tar, { onOpen: () => opened++ });
    let sizeBytes = 0;
    const onRead = (readBytes: number) => {
      sizeBytes += readBytes;
    };
    await thread.scan(layer, { subject, onRead });
    expect([opened, sizeBytes]).toEqual([1, layer.descriptor.sizeBytes]);
  });

  test('is read by the thread where its blob is in a file, which is closed afterwards', async () => {
    const tar = await tarWith([['a', large]]);
    let [released, sizeBytes] = [0, 0];
    const layer = fileLayer(layerFrom(tar), tar, join(directory, 'counted'), () => released++);
    const onRead = (readBytes: number) => {
      sizeBytes += readBytes;
    };
    await thread.scan(layer, { subject, onRead });
    expect([released, sizeBytes]).toEqual([1, tar.length]);
  });

  test('is seen by an observer as one that is listed here', async () => {
    const [manifest, library] = [Buffer.from('loader = 1\n'), makeLargeElf()];
    const tar = await tarWith([
      ['gramine/app_files/entrypoint.manifest', manifest],
      ['usr/lib/libx.so', library],
    ]);
    const places = [imagePath('/gramine/app_files')];
    const [here, there] = [new ObservedContents(places), new ObservedContents(places)];
    await scanLayer(layerFrom(tar), { subject, observer: here });
    await thread.scan(layerFrom(tar), { subject, observer: there });
    expect(there.contentOf(sha256Of(manifest))).toEqual(manifest);
    expect(there.needsOf(sha256Of(library))).toEqual(here.needsOf(sha256Of(library)));
    expect(here.needsOf(sha256Of(library))).toBeDefined();
  });
});

/** Its parts are in several pieces. */
function makeLargeElf(): Buffer {
  return makeElf({ soname: 'libx.so', needed: ['libc.so.6'], payload: 'x'.repeat(2_000_000) });
}

/** What went wrong, in full. */
async function failureOf(work: Promise<unknown>): Promise<object> {
  const error = (await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )) as GscError;
  expect(error).toBeInstanceOf(GscError);
  const { code, subject: about, detail, hint } = error;
  return { code, about, detail, hint };
}

async function badLayers(): Promise<readonly (readonly [string, Layer])[]> {
  const tar = await tarWith([
    ['a', large],
    ['b', 'x'],
  ]);
  const good = layerFrom(tar);
  const other = { ...good.descriptor, digest: digestOf('other') };
  const broken = Buffer.from(tar);
  broken.fill(0xff, 0, 512);
  const damaged = gzipSync(tar);
  damaged.fill(0, 1_000_000, 1_000_100);
  const zipped = gzipped(tar);
  const cutShort = zipped.descriptor.sizeBytes - 1000;
  const failing = async function* () {
    yield* layerFrom(tar.subarray(0, 3_000_000)).open();
    throw new GscError({ code: 'registry', subject: 'r', message: 'gone', hint: 'again' });
  };
  return [
    ['another diffId', { ...good, diffId: digestOf('other') }],
    [
      'another digest',
      { ...good, descriptor: other, open: () => verifiedStream(good.open(), other, 'test') },
    ],
    ['a damaged header', layerFrom(broken)],
    ['a tar that is cut short', layerFrom(tar.subarray(0, 4_000_000))],
    [
      'a nameless whiteout',
      layerFrom(
        await tarWith([
          ['a', large],
          ['d/.wh.', ''],
          ['b', large],
        ]),
      ),
    ],
    ['a source that fails', { ...good, open: failing }],
    ['a blob that is cut short', { ...zipped, open: () => firstBytes(zipped, cutShort) }],
    ['a file with a damaged header', fileLayer(layerFrom(broken), broken, join(directory, 'broken'))],
    [
      'a file with another digest',
      fileLayer(
        good,
        Buffer.concat([tar.subarray(0, -2000), Buffer.alloc(2000, 1)]),
        join(directory, 'other'),
      ),
    ],
    ['a file that is cut short', fileLayer(good, tar.subarray(0, 4_000_000), join(directory, 'short'))],
    ['a file that is too long', fileLayer(good, Buffer.concat([tar, tar]), join(directory, 'long'))],
    [
      'a file of gzip that is damaged',
      fileLayer(layerFrom(tar, { stored: damaged }), damaged, join(directory, 'damaged')),
    ],
  ];
}

async function* firstBytes(layer: Layer, sizeBytes: number) {
  const pieces: Buffer[] = [];
  for await (const piece of layer.open()) pieces.push(piece);
  yield Buffer.concat(pieces).subarray(0, sizeBytes);
}

describe('what is wrong with a layer', () => {
  test('is said in the same words, and the thread goes on with the next one', async () => {
    const good = layerFrom(await tarWith([['a', large]]));
    const expected = await scanLayer(good, { subject });
    for (const [what, layer] of await badLayers()) {
      const here = await failureOf(scanLayer(layer, { subject }));
      expect(await failureOf(thread.scan(layer, { subject })), what).toEqual(here);
      expect(await thread.scan(good, { subject }), what).toEqual(expected);
    }
  });

  test('an abort ends the reading', async () => {
    const abort = new AbortController();
    const layer = layerFrom(await tarWith([['a', large]]));
    const onRead = () => abort.abort();
    const failure = await failureOf(thread.scan(layer, { subject, onRead, signal: abort.signal }));
    expect(failure).toMatchObject({ code: 'aborted', about: `test: layer ${layer.diffId}` });
  });

  test('an abort ends the reading of a file, and lets go of it', async () => {
    const tar = await tarWith([
      ['a', large],
      ['b', large],
    ]);
    for (const when of ['before', 'meanwhile']) {
      const abort = new AbortController();
      let released = 0;
      const layer = fileLayer(layerFrom(tar), tar, join(directory, 'aborted'), () => released++);
      if (when === 'before') abort.abort();
      const onRead = () => abort.abort();
      const failure = await failureOf(thread.scan(layer, { subject, onRead, signal: abort.signal }));
      expect(failure).toMatchObject({ code: 'aborted', about: `test: layer ${layer.diffId}` });
      expect(released).toBe(1);
    }
  });

  test('a source is closed when the listing fails on the way', async () => {
    const tar = Buffer.concat([await tarWith([['d/.wh.', '']]), large]);
    let isClosed = false;
    const layer = layerFrom(tar);
    const open = async function* () {
      try {
        for (let i = 0; i < 1000; i++) yield tar.subarray(0, 2 ** 20);
      } finally {
        isClosed = true;
      }
    };
    await expect(thread.scan({ ...layer, open }, { subject })).rejects.toMatchObject({ code: 'tree' });
    expect(isClosed).toBe(true);
  });
});

describe('threads', () => {
  test('that cannot start are none', async () => {
    const broken = await threadProgram(directory, 'throw new Error("no")', 'broken');
    expect(await ScanThread.start(broken)).toBeUndefined();
    expect(await ScanThread.start(join(directory, 'missing.mjs'))).toBeUndefined();
  });

  test('that end on the way are an error, not a wait', async () => {
    const source = `
      import { parentPort } from 'node:worker_threads';
      parentPort.postMessage({ kind: 'ready' });
      parentPort.on('message', () => process.exit(3));`;
    const dying = await started(await threadProgram(directory, source, 'dying'));
    const layer = layerFrom(await tarWith([['a', large]]));
    await expect(dying.scan(layer, { subject })).rejects.toThrow('ended with 3');
    await dying.end();
  });

  test('list several layers at a time', async () => {
    const several = await Promise.all([1, 2, 3].map(() => started(join(directory, 'thread.mjs'))));
    const found = several.map(async (each, n) =>
      each.scan(layerFrom(await tarWith([[`f${n}`, large]])), { subject }),
    );
    expect((await Promise.all(found)).map(({ entries }) => entries[0]?.path)).toEqual(['/f0', '/f1', '/f2']);
    await Promise.all(several.map((each) => each.end()));
  });
});

describe('areWorthThreads', () => {
  const layer = (sizeBytes: number, mediaType: string = mediaTypes.ociLayer): Layer => {
    const made = layerFrom(Buffer.alloc(1024));
    return { ...made, descriptor: { ...made.descriptor, sizeBytes, mediaType } };
  };

  test.each([
    ['two large ones', [layer(1e8), layer(1e8)], true],
    ['large ones with a small one', [layer(1e8), layer(10), layer(1e8)], true],
    ['one large one and small ones', [layer(1e9), layer(1000), layer(1e6)], false],
    ['many that come to enough', Array.from({ length: 20 }, () => layer(1e6)), true],
    [
      'compressed by gzip',
      [layer(1e8, mediaTypes.ociLayerGzip), layer(1e8, mediaTypes.dockerLayerGzip)],
      false,
    ],
    [
      'compressed by zstd',
      [layer(1e8, mediaTypes.ociLayerZstd), layer(1e8, mediaTypes.ociLayerZstd)],
      !hasNodeZstd,
    ],
    ['none', [], false],
  ])('%s', (_, layers, expected) => {
    expect(areWorthThreads(layers, 2)).toBe(expected);
    expect(areWorthThreads(layers, 1)).toBe(false);
  });
});
