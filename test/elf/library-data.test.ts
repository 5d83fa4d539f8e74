import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { hasLibraryData, libraryDataPlaces } from '../../src/elf/library-data.ts';
import { libraryTexts } from '../support/runtime/make-tree.ts';

const placesIn = (text: string) => libraryDataPlaces(Buffer.from(text, 'latin1'));

describe('the places that a glibc looks at', () => {
  test.each([
    ['Debian', '/usr', '/usr/lib', '/etc'],
    ['Gramine in its own prefix', '/opt/gramine', '/opt/gramine/lib64/gramine/runtime/glibc', undefined],
    ['Nix', '/nix/store/1x-glibc-2.40', '/nix/store/1x-glibc-2.40/lib', undefined],
  ])('are the texts of its library: %s', (_, prefix, directory, sysconf) => {
    expect(placesIn(`\x7fELF\x01\0junk${libraryTexts(prefix, directory, sysconf)}\0more`)).toEqual({
      'time zones': `${prefix}/share/zoneinfo`,
      'local time': `${sysconf ?? `${prefix}/etc`}/localtime`,
      locales: `${directory}/locale`,
      'character sets': `${directory}/gconv`,
      messages: `${prefix}/share/locale`,
    });
  });

  test('are the same as this machine has, where the tools of its glibc say them', () => {
    const file = execFileSync('cc', ['-print-file-name=libc.so.6'], { encoding: 'utf8' }).trim();
    const places = libraryDataPlaces(readFileSync(file));
    const help = execFileSync('localedef', ['--help'], { encoding: 'utf8' });
    expect(help).toContain(`locale path    : ${places.locales}`);
    expect(places).toMatchObject({ 'time zones': '/usr/share/zoneinfo', 'local time': '/etc/localtime' });
  });

  test('that it does not name are absent', () => {
    expect(placesIn('')).toEqual({});
    expect(placesIn('\0/usr/share/zoneinfo\0')).toEqual({ 'time zones': '/usr/share/zoneinfo' });
  });

  test.each([
    ['relative', '\0share/zoneinfo\0'],
    ['with other words around it', '\0see /usr/share/zoneinfo\0'],
    ['cut off at the end', '\0/usr/share/zoneinfo'],
    ['with a control character', '\0/usr/\nshare/zoneinfo\0'],
    ['a list', '\0/a:/usr/share/zoneinfo\0'],
  ])('are whole absolute paths, not one that is %s', (_, text) => {
    expect(placesIn(text)).toEqual({});
  });

  test('of messages and of locales are told apart, though both end alike', () => {
    const text = '\0/usr/share/locale\0/usr/lib/locale\0';
    expect(placesIn(text)).toEqual({ messages: '/usr/share/locale', locales: '/usr/lib/locale' });
  });

  test.each([
    ['/usr/lib64/libc.so.6', true],
    ['/lib/x86_64-linux-gnu/libc-2.31.so', true],
    ['/usr/lib/libcrypt.so.1', false],
    ['/usr/lib/libc.so', false],
    ['/lib/libc.musl-x86_64.so.1', false],
  ])('are looked for in %s: %s', (path, expected) => {
    expect(hasLibraryData(imagePath(path))).toBe(expected);
  });
});
