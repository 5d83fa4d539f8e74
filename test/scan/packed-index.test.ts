import { describe, expect, it } from 'vitest';
import type { LayerIndex } from '../../src/scan/layer-index.ts';
import { decodeLayerIndex, encodeLayerIndex } from '../../src/scan/layer-index-codec.ts';
import { eachEntry, packedEntriesOf } from '../../src/scan/packed-index.ts';
import { scanLayer } from '../../src/scan/scan-layer.ts';
import { layerFrom } from '../support/scan/made-layers.ts';
import { rawEntry, rawPax, rawTar } from '../support/tar/raw-tar.ts';

/** With entries of many kinds, an ignored key, and kept content. */
async function scanned(): Promise<LayerIndex> {
  const tar = rawTar(
    rawPax({ path: 'evil' }, 'g'),
    rawEntry({ name: 'etc/passwd' }, 'root:x:0:0::/:\n'),
    rawEntry({ name: 'run.sh' }, '#!/bin/sh -e\n'),
    rawEntry({ name: 'd/', typeFlag: '5' }),
    rawEntry({ name: 'd/l', typeFlag: '2', linkName: '../x' }),
    rawEntry({ name: 'd/h', typeFlag: '1', linkName: 'run.sh' }),
    rawEntry({ name: 'd/.wh.gone' }),
  );
  return scanLayer(layerFrom(tar), { subject: 'test' });
}

describe('an index whose entries are packed', () => {
  it('has the entries of one that was stored and read again, and the same bytes', async () => {
    const index = await scanned();
    const stored = decodeLayerIndex(encodeLayerIndex(index));
    expect(index).toEqual(stored);
    expect(stored.entries).toHaveLength(6);
    expect(encodeLayerIndex(stored)).toEqual(encodeLayerIndex(index));
    expect(packedEntriesOf(stored)).toEqual(packedEntriesOf(index));
  });

  it('gives them all at once or one by one, any number of times', async () => {
    const index = await scanned();
    for (const _ of [1, 2]) {
      expect([...eachEntry(index)]).toEqual(index.entries);
      expect(index.entries.map(({ path }) => path)).toContain('/d/gone');
    }
  });
});
