/** The package's version, put in by the bundler (scripts/build.mjs) and the test runner (vitest.config.ts). */
declare const __GSC_VERSION__: string;
/** The state of the sources: 16 hex digits, by the same two (scripts/source-digest.mjs). */
declare const __GSC_BUILD__: string;
/** The program of the threads that list layers, from where the bundle is (scripts/bundle.mjs); not defined in bundles without. */
declare const __GSC_SCAN_THREAD__: string | undefined;
/** In the modules that start the bundle's script (scripts/bundle.mjs): its file beside them. */
declare const __GSC_SCRIPT__: string;
