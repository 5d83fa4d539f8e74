import { createHash } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { applyScript } from '../../../../src/runtime/recipe/patches/apply-script.ts';
import { shaExtensionsPatch } from '../../../../src/runtime/recipe/patches/sha-extensions.ts';
import { needs } from '../../../support/end-to-end/stage.ts';
import { runTool } from '../../../support/images/run-tool.ts';
import { scratchDirectory } from '../../../support/store/scratch.ts';

const standin = fileURLToPath(new URL('../../../../runtime-standin', import.meta.url));
const adapter = 'common/src/crypto/adapters/mbedtls_adapter.c';
const harness = fileURLToPath(new URL('hashes.c', import.meta.url));
const sanitized = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-g'];

/** The harness, with the stand-in's file as it is and as the patch leaves it. */
async function compiled(options: readonly string[]): Promise<string> {
  const directory = scratchDirectory();
  const at = (name: string) => join(directory, name);
  cpSync(standin, at('sources'), { recursive: true });
  writeFileSync(at('apply.py'), applyScript);
  writeFileSync(at('patch.c'), shaExtensionsPatch.content);
  await runTool('python3', [at('apply.py'), at('sources'), at('patch.c')]);
  const sources = [`-DSTOCK="${join(standin, adapter)}"`, `-DPATCHED="${join(at('sources'), adapter)}"`];
  const warnings = ['-Wall', '-Wextra', '-Werror'];
  await runTool('cc', [...options, ...warnings, ...sources, '-o', at('hashes'), harness]);
  return at('hashes');
}

describe('sha-extensions', () => {
  test("fits the stand-in's file as it is committed, and those of Gramine's releases", () => {
    const digest = createHash('sha256')
      .update(readFileSync(join(standin, adapter)))
      .digest('hex');
    const fits = [...shaExtensionsPatch.content.toString().matchAll(/^\/\/@ fits (\S{64}) (.+)$/gm)];
    expect(fits.map(([, , what]) => what)).toEqual([
      'Gramine 1.0',
      'Gramine 1.1',
      'Gramine 1.2',
      'Gramine 1.3',
      'Gramine 1.4',
      'Gramine 1.5 to 1.7',
      'Gramine 1.8 to master',
      "gsc's stand-in runtime",
    ]);
    expect(fits.at(-1)?.[1]).toBe(digest);
  });

  test.for([
    ['under sanitizers', ['-O1', ...sanitized]],
    ['as a release builds it', ['-O3']],
  ] as const)(
    'updates of all lengths and places leave the context that they left before, %s',
    async ([, options], context) => {
      needs(context, 'cc python3');
      const hashes = await compiled(options);
      const said = await runTool(hashes, ['3000']);
      // The harness says so itself where the processor lacks them: then only Mbed TLS's part has run.
      const hasExtensions = /\bsha_ni\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
      expect(said.trim()).toBe(hasExtensions ? 'with SHA extensions' : 'without SHA extensions');
    },
  );
});
