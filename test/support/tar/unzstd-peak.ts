/**
 * Its own process, for peak memory counts for a whole process: decompresses one frame that it makes itself and
 * prints what came out and the peak. Arguments: which blocks the frame has, and how many of them.
 */
import type { ByteStream } from '../../../src/image/image.ts';
import { ByteReader } from '../../../src/tar/codec/byte-reader.ts';
import { unzstdPortably } from '../../../src/tar/codec/unzstd.ts';

/** RFC 8878: a frame with a window of 128 KiB, of unknown length; its last block is raw and empty. */
const frameHeader = Buffer.from('28b52ffd0038', 'hex');
const lastBlock = Buffer.from('010000', 'hex');
const blockBytes = 128 * 1024;

const blocks = {
  raw: block(0, Buffer.alloc(blockBytes, 'content ')),
  repeated: block(1, Buffer.from('x')),
  // Literals alone (3.1.1.3.1.1): `x` 128 Ki times in a header of 3 bytes; no sequences.
  compressed: block(2, Buffer.from('0d00207800', 'hex')),
  empty: block(0, Buffer.alloc(0)),
} as const;

function block(type: 0 | 1 | 2, content: Buffer): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((type << 1) | ((type === 1 ? blockBytes : content.length) << 3), 0, 3);
  return Buffer.concat([header, content]);
}

/** Pieces in their own memory, as they come from files and sockets: every other one ends where a block does. */
async function* frameOf(kind: keyof typeof blocks, blockCount: number): ByteStream {
  const unit = blocks[kind];
  const perPiece = Math.max(1, Math.floor(2 ** 20 / unit.length));
  const units = Buffer.concat(Array.from({ length: perPiece }, () => unit));
  yield frameHeader;
  for (let made = 0; made < blockCount; made += perPiece) {
    const piece = Buffer.from(units.subarray(0, Math.min(perPiece, blockCount - made) * unit.length));
    const cut = (made * 7) % piece.length;
    yield piece.subarray(0, cut);
    yield piece.subarray(cut);
  }
  yield lastBlock;
}

const [kind = '', count = ''] = process.argv.slice(2);
if (!(kind in blocks)) throw new Error(`no blocks of kind ${kind}`);
let sizeBytes = 0;
const reader = new ByteReader(frameOf(kind as keyof typeof blocks, Number(count)));
for await (const piece of unzstdPortably(reader, 'test')) sizeBytes += piece.length;
process.stdout.write(JSON.stringify({ sizeBytes, peakBytes: process.resourceUsage().maxRSS * 1024 }));
