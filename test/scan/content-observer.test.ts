import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ContentObserver } from '../../src/scan/layer-visitor.ts';
import { scanImage } from '../../src/scan/scan-image.ts';
import { imageOf, layerFrom, tarWith } from '../support/scan/made-layers.ts';

const large = Buffer.alloc(300_000, 'abc');
const hashOf = (content: Buffer) => createHash('sha256').update(content).digest('hex');

async function observed(observer: ContentObserver, pieceBytes: number): Promise<void> {
  const first = layerFrom(
    await tarWith([
      ['small', 'one'],
      ['large', large],
      ['empty', ''],
    ]),
    { pieceBytes },
  );
  const second = layerFrom(
    await tarWith([
      ['small', 'two'],
      ['unwanted', 'x'],
    ]),
    { pieceBytes },
  );
  await scanImage(imageOf([first, second]), { observer });
}

test.each([997, 65536, 1 << 20])(
  'an observer gets contents with their hash, in pieces of %i bytes and layers read at once',
  async (pieceBytes) => {
    const taken: (readonly [string, string, number])[] = [];
    await observed(
      {
        observe: (path, sizeBytes, start) => {
          expect(start.length).toBeGreaterThan(0);
          if (path === '/unwanted') return undefined;
          const pieces: Buffer[] = [];
          return {
            push: (piece) => pieces.push(Buffer.from(piece)),
            end: (sha256) => {
              expect(hashOf(Buffer.concat(pieces))).toBe(sha256);
              taken.push([path, sha256, sizeBytes]);
            },
          };
        },
      },
      pieceBytes,
    );
    expect(taken.map(([path, sha256, sizeBytes]) => [path, sha256, sizeBytes]).sort()).toEqual(
      [
        ['/large', hashOf(large), large.length],
        ['/small', hashOf(Buffer.from('one')), 3],
        ['/small', hashOf(Buffer.from('two')), 3],
      ].sort(),
    );
  },
);
