import { spawnSync } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect } from 'vitest';
import { digestOf } from '../../../src/base/digest.ts';
import type { GscError } from '../../../src/base/error.ts';
import { BlobCache } from '../../../src/store/cache/blob-cache.ts';
import { listEntries } from '../../../src/store/cache/cache-directory.ts';
import { pruneCache } from '../../../src/store/cache/prune-cache.ts';
import { filesBelow } from '../../support/files-below.ts';
import { longTest } from '../../support/long-test.ts';
import { childProgram } from '../../support/store/child.ts';
import { noise } from '../../support/store/sample.ts';
import { scratchDirectory } from '../../support/store/scratch.ts';

const scratch = scratchDirectory();
let directory = '';

beforeEach(async () => {
  directory = join(await mkdtemp(join(scratch, 'cache-')), 'gsc');
});

describe('several processes that use one cache', () => {
  let start: Awaited<ReturnType<typeof childProgram>>;

  beforeAll(async () => {
    start = await childProgram(
      scratch,
      `import { BlobCache } from './src/store/cache/blob-cache.ts';
       import { digestOf } from './src/base/digest.ts';
       import { noise } from './test/support/store/sample.ts';
       const [directory, rounds, size] = process.argv.slice(2);
       const troubles = [];
       const cache = new BlobCache({ directory, now: () => new Date(), maxBytes: 400_000, onTrouble: (e) => troubles.push(e.message) });
       let found = 0;
       for (let round = 0; round < Number(rounds); round++) {
         const name = String(round % 7);
         const key = { kind: 'thing-1', digest: digestOf(name) };
         const content = noise(name, Number(size));
         const got = await cache.get(key);
         if (got !== undefined && !got.equals(content)) throw new Error('wrong content');
         if (got !== undefined) found++;
         await cache.put(key, content);
         if (round % 5 === 0) await cache.close();
       }
       await cache.close();
       console.log(JSON.stringify({ found, troubles }));`,
    );
  });

  longTest('may read, write and prune at once: what they find is right', async () => {
    const results = await Promise.all([1, 2, 3, 4].map(() => start(directory, '60', '100000').done));
    for (const { code, output } of results) {
      expect(code, output).toBe(0);
      expect(JSON.parse(output).troubles).toEqual([]);
    }
    expect(results.reduce((sum, { output }) => sum + JSON.parse(output).found, 0)).toBeGreaterThan(0);
    const entries = await listEntries(directory);
    expect(filesBelow(directory)).toHaveLength(entries.length);
  });

  longTest(
    'one that is killed while it writes leaves nothing that is read, and what it leaves is cleaned up',
    async () => {
      for (const delay of [60, 90, 120, 150]) {
        const { child, done } = start(directory, '100000', '3000000');
        setTimeout(() => child.kill('SIGKILL'), delay + 100);
        await done;
      }
      const troubles: GscError[] = [];
      const cache = new BlobCache({
        directory,
        now: () => new Date(),
        onTrouble: (error) => troubles.push(error),
      });
      for (const name of ['0', '1', '2', '3', '4', '5', '6']) {
        const got = await cache.get({ kind: 'thing-1', digest: digestOf(name) });
        expect(got === undefined || got.equals(noise(name, 3000000))).toBe(true);
      }
      expect(troubles).toEqual([]);
      await pruneCache(directory, 1e12);
      expect(filesBelow(directory)).toHaveLength((await listEntries(directory)).length);
    },
  );

  longTest('a full disk fails nothing, and leaves no half-written file', async () => {
    const { child, done } = start(directory, '0', '0');
    await done;
    // 8 blocks of 512 bytes: each file ends at 4 kB, as on a full disk (EFBIG for ENOSPC).
    const line = `ulimit -f 8; exec "$0" "$@"`;
    const result = spawnSync(
      'sh',
      ['-c', line, process.execPath, child.spawnargs[1] ?? '', directory, '3', '100000'],
      {
        encoding: 'utf8',
      },
    );
    expect(result.stderr).toBe('');
    expect(JSON.parse(result.stdout)).toMatchObject({
      found: 0,
      troubles: [expect.stringMatching(/cannot be written/)],
    });
    expect(filesBelow(directory)).toEqual([]);
  });
});
