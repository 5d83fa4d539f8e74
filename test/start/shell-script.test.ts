import { describe, expect, test } from 'vitest';
import { commandsOf } from '../../src/start/shell-script.ts';

const shown = (script: string) =>
  commandsOf(script).map(({ words, isExec }) => (isExec ? 'exec ' : '') + words.join(' '));

describe('the commands of a shell script', () => {
  test.each<[string, string, readonly string[]]>([
    ['one on a line', 'a\nb c\n\n', ['a', 'b c']],
    ['separated by operators', 'a; b && c || d | e & f', ['a', 'b', 'c', 'd', 'e', 'f']],
    ['continued on the next line', 'a \\\n  b', ['a b']],
    ['that take the place of the shell', 'exec a -x\nX=1 exec b', ['exec a -x', 'exec b']],
    ['behind assignments', 'A=1 B="2 3" run x', ['run x']],
    [
      'behind words of the grammar',
      'if a; then b; else c; fi; while ! d; do e; done',
      [...['a', 'b', 'c', 'fi', 'd', 'e', 'done']],
    ],
    ['in groups and subshells', '{ a; b; }; (cd /x && c)', ['a', 'b', 'cd /x', 'c']],
    ['in substitutions', 'x=$(a b) y=`c` d', ['a b', 'c', 'd']],
    ['with quoted words', `run "a  b" 'c;d' e\\ f "g"'h'`, ['run a  b c;d e f gh']],
    ['without redirections', 'run >/dev/null 2>&1 <in x >> "a log"', ['run x']],
  ])('%s', (_, script, expected) => {
    expect(shown(script)).toEqual(expected);
  });

  test.each([
    ['comments', '# redis-server\na # redis-server\n#redis-server'],
    ['here-documents', "a <<EOF\nredis-server\nEOF\na <<-'END'\n\tredis-server\n\tEND\n"],
    ['texts', 'a "redis-server; redis-server" \'&& redis-server\''],
    [
      'patterns of case',
      'case "$1" in\nredis-server) a ;;\nx|redis-server|y)\n a ;;\n(redis-server) a;; esac',
    ],
    ['definitions of functions', 'redis-server() {\n a\n}'],
  ])('are not %s', (_, script) => {
    expect(commandsOf(script).map(({ words }) => words[0])).not.toContain('redis-server');
    expect(shown(script)[0]).toMatch(/^a/);
  });

  test.each([
    ['an open quote', 'a "b\nc'],
    ['an open substitution', 'a $(b'],
    ['closing brackets alone', ')))\na\n}'],
    ['a here-document without an end', 'a <<EOF\nb'],
    ['no text', '\0\x01\xff'],
  ])('are found in what no shell would run, too: %s', (_, script) => {
    expect(() => commandsOf(script)).not.toThrow();
  });

  test('are found in a script of the largest size that is kept, whatever is in it', () => {
    for (const piece of ['<<A\n', '"', "'", '$(', '`', '${', 'case x in ', '\\', '<', '#']) {
      expect(() => commandsOf(piece.repeat((1 << 15) / piece.length)), piece).not.toThrow();
    }
  });
});
