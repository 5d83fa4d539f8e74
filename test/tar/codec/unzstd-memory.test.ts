import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { longTest } from '../../support/long-test.ts';
import { childProgram } from '../../support/store/child.ts';

/** What the whole of gsc may take, however large the image; Node alone takes about 45 MB. */
const limitBytes = 250e6;
const blockBytes = 128 * 1024;

describe('peak memory of zstd without Node', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gsc-unzstd-'));
  let start: Awaited<ReturnType<typeof childProgram>>;
  beforeAll(async () => {
    start = await childProgram(directory, "import './test/support/tar/unzstd-peak.ts';");
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  for (const [kind, count, sizeBytes] of [
    ['raw', 4000, 4000 * blockBytes],
    ['repeated', 4000, 4000 * blockBytes],
    ['compressed', 4000, 4000 * blockBytes],
    ['empty', 1_400_000, 0],
  ] as const) {
    longTest(`${kind} blocks, ${count} of them, do not pile up`, async () => {
      const { code, output } = await start(kind, String(count)).done;
      expect(code, output).toBe(0);
      const result = JSON.parse(output) as { readonly sizeBytes: number; readonly peakBytes: number };
      expect(result.sizeBytes).toBe(sizeBytes);
      expect(result.peakBytes).toBeLessThan(limitBytes);
    });
  }
});
