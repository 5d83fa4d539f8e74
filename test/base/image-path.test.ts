import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  baseNameOf,
  bytesOfText,
  childOf,
  componentsOf,
  imagePath,
  isWithin,
  parentOf,
  rootPath,
  showBytes,
  textOfBytes,
} from '../../src/base/image-path.ts';

describe('imagePath', () => {
  test.each([
    ['', '/'],
    ['/', '/'],
    ['./a', '/a'],
    ['a/', '/a'],
    ['//a//b', '/a/b'],
    ['/a/./b/../c', '/a/c'],
    ['../../etc', '/etc'],
    ['/a/..', '/'],
    ['/...', '/...'],
    ['/a..b/.c', '/a..b/.c'],
  ])('%j is %j', (given, expected) => {
    expect(imagePath(given)).toBe(expected);
  });

  test('cleaning is idempotent, and the result has no empty, . or .. component', () => {
    const piece = fc.constantFrom('a', '.', '..', '', '\u00ff', 'b c', '...');
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const path = imagePath(pieces.join('/'));
        expect(imagePath(path)).toBe(path);
        expect(path.startsWith('/')).toBe(true);
        for (const part of componentsOf(path)) expect(['', '.', '..']).not.toContain(part);
      }),
    );
  });
});

test('a child of a directory has the directory as parent and the name as base name', () => {
  for (const directory of [rootPath, imagePath('/usr'), imagePath('/usr/lib')]) {
    const child = childOf(directory, 'x');
    expect(parentOf(child)).toBe(directory);
    expect(baseNameOf(child)).toBe('x');
    expect(isWithin(child, directory)).toBe(true);
    expect(isWithin(directory, child)).toBe(false);
  }
});

test('a sibling with the same beginning is not within a directory', () => {
  expect(isWithin(imagePath('/usr/library'), imagePath('/usr/lib'))).toBe(false);
});

describe('bytes and text', () => {
  test('text goes to bytes and back unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(text.isWellFormed());
        expect(textOfBytes(bytesOfText(text))).toBe(text);
      }),
    );
  });

  test('bytes that are not UTF-8 have no text, and two such names stay different', () => {
    expect(textOfBytes('\u00ff')).toBeUndefined();
    expect(textOfBytes('caf\u00e9')).toBeUndefined();
    expect('\u00ff').not.toBe('\u00fe');
  });

  test('a byte order mark is part of a name', () => {
    expect(textOfBytes(bytesOfText('\ufeffa'))).toBe('\ufeffa');
  });

  test('messages show control characters escaped', () => {
    expect(showBytes('a\nb\u001b[0m')).toBe('a\\x0ab\\x1b[0m');
  });
});
