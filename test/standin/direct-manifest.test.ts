import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { canRunStandin, useWorld } from '../support/standin/world.ts';

const world = useWorld();

describe.skipIf(!canRunStandin)('the manifest', () => {
  test('a missing one is an error that names it', () => {
    expect(world().run()).toMatchObject({ code: 1, stderr: expect.stringContaining('app.manifest') });
  });

  test.each([
    ['an unclosed string', 'a = "x', 'closing quote'],
    ['an unknown escape', 'a = "\\x41"', 'unknown escape'],
    ['a surrogate', 'a = "\\ud800"', 'no character'],
    ['an escaped NUL', 'a = "\\u0000"', 'no character'],
    ['a control character', 'a = "\u0001"', 'control character'],
    ['a key twice', 'a = 1\na = 2', 'there already'],
    ['a table twice', '[a]\n[b]\n[a]', 'there already'],
    ['an addition to an inline table', 'a = {}\na.b = 1', 'written inline'],
    ['an addition to an array', 'a = []\n[[a]]', 'no array of tables'],
    ['a value where a table should be', 'a = 1\na.b = 2', 'not a table'],
    ['an array without its end', 'a = [1, 2', 'expected , or ]'],
    ['an inline table without its end', 'a = { b = 1', 'expected , or }'],
    ['no value', 'a =', 'expected a value'],
    ['no key', '= 1', 'expected a key'],
    ['two pairs on a line', 'a = 1 b = 2', 'end of the line'],
    ['a leading zero', 'a = 012', 'expected a string'],
    ['a float', 'a = 1.5', 'expected a string'],
    ['too many digits', 'a = 9223372036854775808', 'expected a string'],
    ['a multi-line string', 'a = """x"""', 'multi-line'],
    ['nesting without end', `a = ${'['.repeat(100)}`, 'too deep'],
  ])('%s is an error that names the line', (_, text, message) => {
    world().write('app.manifest', `# comment\n\n${text}`);
    const outcome = world().run();
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).toMatch(/app\.manifest: line [3-5]: /);
  });

  test('a NUL byte is an error', () => {
    world().write('app.manifest', 'a = 1\n\0');
    expect(world().run()).toMatchObject({ code: 1, stderr: expect.stringContaining('NUL byte') });
  });

  test('integers in all forms, literal strings, odd keys and CRLF line endings are read', () => {
    const text = world().manifest(
      `loader.argv = ["busybox", 'id', '-u']\nloader.uid = 0x3_E8 # 1000\nloader . "gid" = 0b11\n[odd.'a.b'."ć"]\nx = [[1], [-2, +3,],\n # note\n { a.b = 0o17 }]`,
    );
    chmodSync(world().directory, 0o755);
    world().write('app.manifest', text.replaceAll('\n', '\r\n'));
    expect(world().run()).toMatchObject({ code: 0, stdout: '1000\n' });
  });

  test.each(['loader.exec = "file:x"', 'sgx.sigfile = "x"'])('%s is refused, as Gramine 1.9 does', (line) => {
    world().manifest(line);
    expect(world().run()).toMatchObject({ code: 1, stderr: expect.stringContaining('no longer supported') });
  });
});
