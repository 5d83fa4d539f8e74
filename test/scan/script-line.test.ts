import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseScriptLine } from '../../src/scan/script-line.ts';

function wordsOf(text: string): readonly string[] | undefined {
  const facts = parseScriptLine(Buffer.from(text, 'latin1').subarray(0, 256));
  if (facts?.kind !== 'script') return undefined;
  return facts.argument === undefined ? [facts.interpreter] : [facts.interpreter, facts.argument];
}

describe('parseScriptLine', () => {
  it.each([
    ['#!/bin/sh\n', ['/bin/sh']],
    ['#! /bin/sh\n', ['/bin/sh']],
    ['#!\t/bin/sh \t\n', ['/bin/sh']],
    ['#!/bin/sh -e -x\necho', ['/bin/sh', '-e -x']],
    ['#!/usr/bin/env  python3  \n', ['/usr/bin/env', 'python3']],
    ['#!/bin/sh', ['/bin/sh']],
    ['#!/bin/sh -e', ['/bin/sh', '-e']],
    ['#!/bin/sh\r\n', ['/bin/sh\r']],
    ['#!relative\n', ['relative']],
    ['#!/b\xff\n', ['/b\xff']],
    ['#!/a\0b\n', ['/a']],
    [`#!/bin/sh ${'a'.repeat(300)}\n`, ['/bin/sh', 'a'.repeat(245)]],
  ])('reads %j', (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  it.each([
    ['no mark', '/bin/sh\n'],
    ['an empty line', '#!\n/bin/sh'],
    ['blanks only', `#! ${' '.repeat(300)}`],
    ['an interpreter that is cut off', `#!/${'a'.repeat(300)}\n`],
    ['nothing', ''],
    ['half a mark', '#'],
  ])('%s is not a script', (_, text) => {
    expect(wordsOf(text)).toBeUndefined();
  });

  it('agrees with the running kernel', () => {
    const scratch = mkdtempSync(join(tmpdir(), 'gsc-script-'));
    try {
      const lines = [
        '#!/bin/echo\n',
        '#! /bin/echo  -a  b \n',
        '#!/bin/echo\tx\t\n',
        '#!/bin/echo last',
        `#!/bin/echo ${'a'.repeat(300)}\n`,
        `#!${' '.repeat(200)}/bin/echo ${'b'.repeat(100)}`,
        `#!${' '.repeat(244)}/bin/echo x`,
        `#!${' '.repeat(245)}/bin/echo x`,
        `#!${' '.repeat(246)}/bin/echo x`,
      ];
      for (const [i, line] of lines.entries()) {
        const script = join(scratch, String(i));
        writeFileSync(script, line);
        chmodSync(script, 0o755);
        const words = wordsOf(line);
        const ours = words === undefined ? '' : `${[...words.slice(1), script].join(' ')}\n`;
        expect([line, start(script)]).toEqual([line, ours]);
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
});

/** What a script prints; nothing if the kernel refuses it, for then the C library runs it as a shell script of one comment. */
function start(script: string): string {
  try {
    return execFileSync(script, { encoding: 'utf8', stdio: 'pipe' });
  } catch {
    return 'not started';
  }
}
