import { describe, expect, it } from 'vitest';
import { freeMemory } from '../../src/base/free-memory.ts';

describe('freeMemory', () => {
  it('leaves nothing of memory, however often it is called', () => {
    const pieces = Array.from({ length: 100 }, () => Buffer.allocUnsafeSlow(1 << 20).fill('x'));
    const before = process.memoryUsage().arrayBuffers;
    for (const { buffer } of pieces) freeMemory(buffer);
    expect(process.memoryUsage().arrayBuffers).toBeLessThan(before - 90 * (1 << 20));
    expect(pieces.every(({ length }) => length === 0)).toBe(true);
  });

  it('leaves memory alone that threads share', () => {
    const shared = Buffer.from(new SharedArrayBuffer(8)).fill('x');
    freeMemory(shared.buffer);
    expect(shared.toString()).toBe('xxxxxxxx');
  });
});
