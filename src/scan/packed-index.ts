import type { LayerEntry } from '../tree/entry.ts';
import { readEntry, writeEntry } from './entry-codec.ts';
import type { LayerIndex } from './layer-index.ts';
import { PackedReader } from './packed-reader.ts';
import { PackedWriter } from './packed-writer.ts';

/** Entries as bytes: an eighth of what they take as objects, and nothing that has to be moved when memory is cleaned up. */
export interface PackedEntries {
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** Packs entries as they come. */
export class EntryPacker {
  readonly #out = new PackedWriter();
  #count = 0;

  add(entry: LayerEntry): void {
    writeEntry(this.#out, entry);
    this.#count += 1;
  }

  /** Their bytes have memory of their own. */
  finish(): PackedEntries {
    return { count: this.#count, bytes: Uint8Array.from(this.#out.finish()) };
  }
}

const packings = new WeakMap<LayerIndex, PackedEntries>();

/** An index whose entries stay packed: they are unpacked when they are asked for, and kept no longer than memory lasts. */
export function packedIndex(
  { diffId, sizeBytes, ignoredKeys = [] }: Omit<LayerIndex, 'entries'>,
  packed: PackedEntries,
): LayerIndex {
  let unpacked: WeakRef<readonly LayerEntry[]> | undefined;
  const index = {
    diffId,
    sizeBytes,
    get entries() {
      const entries = unpacked?.deref() ?? [...unpackEntries(packed)];
      unpacked = new WeakRef(entries);
      return entries;
    },
    ...(ignoredKeys.length > 0 && { ignoredKeys }),
  };
  packings.set(index, packed);
  return index;
}

/** The entries of an index, packed now if they are not yet. */
export function packedEntriesOf(index: LayerIndex): PackedEntries {
  return packings.get(index) ?? packEntries(index.entries);
}

/** The entries of an index one by one, so that they need not be there all at once. */
export function eachEntry(index: LayerIndex): Iterable<LayerEntry> {
  const packed = packings.get(index);
  return packed ? unpackEntries(packed) : index.entries;
}

function packEntries(entries: readonly LayerEntry[]): PackedEntries {
  const packer = new EntryPacker();
  for (const entry of entries) packer.add(entry);
  return packer.finish();
}

/** Entries that this process has packed: nothing else is to be expected. */
export function* unpackEntries({ count, bytes }: PackedEntries): Generator<LayerEntry> {
  const from = new PackedReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  for (let i = 0; i < count; i++) yield readEntry(from);
}
