import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { mediaTypes } from '../../src/image/media-type.ts';
import { collectBytes, verifiedStream } from '../../src/image/verified-stream.ts';

async function* pieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const describeBytes = (bytes: Buffer) => ({
  mediaType: mediaTypes.ociLayer,
  digest: digestOf(bytes),
  sizeBytes: bytes.length,
});

test('the true bytes pass, however they are cut', async () => {
  const bytes = Buffer.from('some layer, some bytes');
  for (const size of [1, 3, 100]) {
    expect(await collectBytes(verifiedStream(pieces(bytes, size), describeBytes(bytes), 'x'))).toEqual(bytes);
  }
});

test('one flipped byte anywhere is a blob error that names the digest', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(), async (array, where) => {
      const bytes = Buffer.from(array);
      const descriptor = describeBytes(bytes);
      const damaged = Buffer.from(bytes);
      const at = where % bytes.length;
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      await expect(
        collectBytes(verifiedStream(pieces(damaged, 7), descriptor, 'store')),
      ).rejects.toMatchObject({
        code: 'blob',
        subject: `store: blob ${descriptor.digest}`,
      });
    }),
  );
});

test('a stream that is cut short says how many bytes came', async () => {
  const bytes = Buffer.alloc(100, 1);
  const short = verifiedStream(pieces(bytes.subarray(0, 40), 16), describeBytes(bytes), 'x');
  await expect(collectBytes(short)).rejects.toThrow('expected 100 bytes, got 40');
});

test('a stream that does not end is stopped as soon as it is too long', async () => {
  const bytes = Buffer.alloc(10, 1);
  async function* endless() {
    for (;;) yield Buffer.alloc(8);
  }
  await expect(collectBytes(verifiedStream(endless(), describeBytes(bytes), 'x'))).rejects.toThrow(
    'more than 10',
  );
});
