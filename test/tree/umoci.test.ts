import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parentOf } from '../../src/base/image-path.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { hasTool } from '../support/tar/foreign-tool.ts';
import { layerEntry } from '../support/tree/arbitrary-layers.ts';
import { file, linesOf } from '../support/tree/layer-stack.ts';
import { tarOf, unpackWithUmoci } from '../support/tree/umoci.ts';

const hasOnlyAscii = (entry: LayerEntry) => !JSON.stringify(entry).includes('\xff');
const stack = fc.array(fc.array(layerEntry.filter(hasOnlyAscii), { maxLength: 5 }), {
  minLength: 1,
  maxLength: 4,
});

/**
 * umoci alone does not make the directory that holds a whiteout (containerd and Docker do, and so does mergeLayers);
 * a file beside each whiteout takes that difference out.
 */
function withKeptParents(layer: readonly LayerEntry[]): LayerEntry[] {
  return layer.flatMap((entry): LayerEntry[] => {
    if (entry.kind === 'whiteout') return [file(`${parentOf(entry.path)}/keep`), entry];
    if (entry.kind === 'opaque') return [file(`${entry.path}/keep`), entry];
    return [entry];
  });
}

function show(layers: readonly LayerEntry[][]): string {
  return JSON.stringify(
    layers.map((layer) => layer.map((entry) => Object.values({ ...entry, content: '' }).join(' '))),
  );
}

async function outcome(
  work: () => readonly string[] | Promise<readonly string[]>,
): Promise<readonly string[] | string> {
  try {
    return await work();
  } catch {
    return 'failed';
  }
}

describe.skipIf(!hasTool('umoci'))('mergeLayers and umoci unpack', () => {
  it('agree on generated stacks of layers', { timeout: 300_000 }, async () => {
    const stacks = fc.sample(stack, { numRuns: 150, seed: 20 });
    let compared = 0;
    for (const [number, generated] of stacks.entries()) {
      const layers = generated.map(withKeptParents);
      const scratch = mkdtempSync(join(tmpdir(), 'gsc-umoci-'));
      try {
        const tars = await Promise.all(layers.map(tarOf));
        const theirs = await outcome(() => unpackWithUmoci(scratch, tars));
        // Where a directory of an entry is a file umoci gives up; the overlays of other engines hide the file.
        if (theirs === 'failed') continue;
        compared += 1;
        const ours = await outcome(() => linesOf(mergeLayers(layers)));
        expect(ours, `stack ${number}: ${show(layers)}`).toEqual(theirs);
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    }
    expect(compared).toBeGreaterThan(stacks.length / 4);
  });
});
