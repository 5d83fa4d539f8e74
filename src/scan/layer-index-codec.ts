import { createHash } from 'node:crypto';
import { digestOfHex, hexOf } from '../base/digest.ts';
import { GscError } from '../base/error.ts';
import { readEntry, readStrings, writeStrings } from './entry-codec.ts';
import { keptFiles } from './kept-content.ts';
import type { LayerIndex } from './layer-index.ts';
import { packedEntriesOf } from './packed-index.ts';
import { PackedReader } from './packed-reader.ts';
import { PackedWriter } from './packed-writer.ts';

/** To be raised with every change of the encoding, and of what a scan finds out about a layer. */
const formatNumber = 4;

/**
 * Names the encoding and the rules by which indexes are made, in letters that suit a file name: an index kept under another
 * name must not be read. The files whose content is kept are part of it.
 */
export const layerIndexFormat = `${formatNumber}-${createHash('sha256').update(JSON.stringify(keptFiles)).digest('hex').slice(0, 8)}`;

/**
 * The bytes of a layer index: about 55 per file, of which 32 are its hash. Nothing in them tells damage from content:
 * whoever keeps them keeps a checksum too.
 */
export function encodeLayerIndex(index: LayerIndex): Buffer {
  const out = new PackedWriter();
  out.sha256(hexOf(index.diffId));
  out.count(index.sizeBytes);
  const { count, bytes } = packedEntriesOf(index);
  out.count(count);
  out.raw(bytes);
  writeStrings(out, index.ignoredKeys ?? []);
  return out.finish();
}

/** The index that {@link encodeLayerIndex} made `bytes` of. Throws a `cache` error for bytes that it cannot have made. */
export function decodeLayerIndex(bytes: Buffer): LayerIndex {
  try {
    const from = new PackedReader(bytes);
    const diffId = digestOfHex(from.sha256());
    const sizeBytes = from.count();
    const count = from.count();
    if (count > from.leftBytes) throw new RangeError('there are fewer bytes than entries');
    const entries = Array.from({ length: count }, () => readEntry(from));
    const ignoredKeys = readStrings(from);
    if (from.leftBytes > 0) throw new RangeError('there are bytes after the last entry');
    return { diffId, sizeBytes, entries, ...(ignoredKeys.length > 0 && { ignoredKeys }) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new GscError({
      code: 'cache',
      subject: 'layer index',
      message: `it cannot be decoded: ${error.message}`,
      cause: error,
    });
  }
}
