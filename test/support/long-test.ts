import { test } from 'vitest';

/** A test of thousands of cases: it takes longer than a unit test may, so its file is not one of them. */
export function longTest(title: string, run: () => void | Promise<void>): void {
  test(title, { timeout: 600_000 }, run);
}
