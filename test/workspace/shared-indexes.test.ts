import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { digestOf } from '../../src/base/digest.ts';
import { silentReporter } from '../../src/base/reporter.ts';
import type { Layer } from '../../src/image/image.ts';
import { scanLayer } from '../../src/scan/scan-layer.ts';
import { LayoutArtifacts } from '../../src/store/layout/tagged-artifacts.ts';
import { type SharedCacheKey, SharedIndexes } from '../../src/workspace/shared-indexes.ts';
import { gzipped, tarWith } from '../support/scan/made-layers.ts';

const root = mkdtempSync(join(tmpdir(), 'gsc-shared-'));
afterAll(() => rmSync(root, { recursive: true }));

const sign = (statement: Buffer) => createHmac('sha256', 'key').update(statement).digest();
const key: SharedCacheKey = { sign, verify: (statement, signature) => sign(statement).equals(signature) };
const place = new LayoutArtifacts(join(root, 'cache'));
const open = () =>
  new SharedIndexes({
    from: [place],
    to: place,
    key,
    reporter: silentReporter,
    signal: new AbortController().signal,
  });

test('what is proven of a blob for one tar says nothing of it for another one', async () => {
  const layer = gzipped(await tarWith([['file', 'content']]));
  const index = await scanLayer(layer, { subject: 'layer' });
  const writer = open();
  writer.note(layer, index);
  await writer.publish();

  const claimed: Layer = { ...layer, diffId: digestOf('another tar') };
  const reader = open();
  await reader.prefetch([layer, claimed]);
  expect(await reader.load(layer)).toEqual(index);
  expect(await reader.load(claimed)).toBeUndefined();
  // The other way round as well.
  const again = open();
  expect(await again.load(claimed)).toBeUndefined();
  expect(await again.load(layer)).toEqual(index);
});
