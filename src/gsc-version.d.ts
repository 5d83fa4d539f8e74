/** The package's version, put in by the bundler (scripts/build.mjs) and the test runner (vitest.config.ts). */
declare const __GSC_VERSION__: string;
