import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { sourceDigest } from './scripts/source-digest.mjs';
import { engineTests } from './test/support/projects.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
/** Only what hangs takes so long; a machine of CI may be busy with other things. */
const unitMilliseconds = process.env.CI === undefined ? 10_000 : 60_000;

export default defineConfig({
  define: { __GSC_VERSION__: JSON.stringify(version), __GSC_BUILD__: JSON.stringify(sourceDigest()) },
  test: {
    // It imports JSON as only bundlers do.
    server: { deps: { inline: [/@actions\/workflow-parser/] } },
    // Of two processors vitest would use one; most of the time tests wait for the programs that they start.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...engineTests()],
          // One process per processor for all files: to begin a process and to load gsc 188 times took half of the time.
          isolate: false,
          testTimeout: unitMilliseconds,
          hookTimeout: unitMilliseconds,
        },
      },
      {
        extends: true,
        test: {
          name: 'engine',
          include: [...engineTests()],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
