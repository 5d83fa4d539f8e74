import { expect, test } from 'vitest';
import { tcbLevelOf } from '../../src/attest/tcb-level.ts';
import type { TcbLevel } from '../../src/collateral/tcb-info.ts';
import { seededRandom } from '../support/attest/seeded-random.ts';

/**
 * The definition, with nothing clever: of all levels that the platform reaches, the one that no other of them is above. "Above" compares the
 * 16 components from the first on, then the PCESVN, as numbers of a positional system.
 */
function naively(platform: { components: readonly number[]; pceSvn: number }, levels: readonly TcbLevel[]) {
  let best: TcbLevel | undefined;
  for (const level of levels) {
    let isReached = platform.pceSvn >= level.pceSvn;
    for (let index = 0; index < 16; index += 1) {
      if ((platform.components[index] ?? 0) < (level.components[index] ?? 0)) isReached = false;
    }
    if (isReached && (best === undefined || rankOf(level) > rankOf(best))) best = level;
  }
  return best;
}

function rankOf({ components, pceSvn }: TcbLevel): bigint {
  return [...components, pceSvn].reduce((rank, digit) => rank * 65_536n + BigInt(digit), 0n);
}

test('1,000 random ladders give the level that a naive evaluation gives', () => {
  const random = seededRandom(15);
  let reached = 0;
  for (let round = 0; round < 1000; round += 1) {
    // Few values, so that levels differ in few components and many are reached.
    const svns = () => Array.from({ length: 16 }, () => random(3) + (random(8) === 0 ? 253 : 0));
    const levels = Array.from({ length: random(12) }, (_, index) => ({
      components: random(2) === 0 ? svns().map((svn) => Math.min(svn, random(2))) : svns(),
      pceSvn: random(14),
      status: `level ${index}`,
      date: 0,
      advisories: [],
    }));
    const platform = { components: svns().map((svn) => svn + random(2)), pceSvn: random(16) };
    const expected = naively(platform, levels);
    if (expected !== undefined) reached += 1;
    expect(tcbLevelOf(platform, levels)?.status, `ladder ${round}`).toBe(expected?.status);
  }
  expect(reached).toBeGreaterThan(200);
  expect(reached).toBeLessThan(950);
});
