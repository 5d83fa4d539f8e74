import { test } from 'vitest';

/** A test of thousands of cases, or one of dozens of whole builds: together they take longer than unit tests may, so their file is not one. */
export function longTest(title: string, run: () => void | Promise<void>): void {
  test(title, { timeout: 600_000 }, run);
}
