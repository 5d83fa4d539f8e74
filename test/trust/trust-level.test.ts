import { describe, expect, it } from 'vitest';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { asksForLanguage, leanRules } from '../../src/trust/trust-level.ts';
import { selectTrustedFiles } from '../../src/trust/trusted-files.ts';
import { file } from '../support/tree/layer-stack.ts';

function lean(paths: readonly string[], more: object = {}) {
  const tree = mergeLayers([paths.map((path) => file(path, path))]);
  return selectTrustedFiles(tree, { subject: 'test', level: 'lean', ...more });
}

describe('trust level lean', () => {
  it.each([
    '/usr/share/doc/x/README',
    '/usr/share/man/man1/ls.1.gz',
    '/usr/share/info/dir',
    '/usr/lib/x86_64-linux-gnu/libz.a',
    '/usr/lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a',
    '/usr/lib/x86_64-linux-gnu/libz.la',
    '/usr/include/stdio.h',
    '/usr/lib/x86_64-linux-gnu/pkgconfig/zlib.pc',
    '/usr/share/pkgconfig/x.pc',
    '/usr/lib/x86_64-linux-gnu/cmake/Qt5/Qt5Config.cmake',
    '/usr/lib/apt/methods/http',
    '/lib/apk/db/installed',
    '/usr/lib/rpm/macros',
    '/usr/share/bash-completion/completions/git',
    '/usr/lib/systemd/system/x.service',
    '/etc/logrotate.d/nginx',
  ])('leaves out %s, which the level full keeps, with a reason', (path) => {
    const { trusted, excluded } = lean([path]);
    expect(trusted).toEqual([]);
    expect(excluded).toMatchObject([{ path, origin: 'level', reason: /.{10}/ }]);
    expect(leanRules.map(({ pattern }) => pattern)).toContain(excluded[0]?.rule);
    expect(lean([path], { level: 'full' }).trusted).toHaveLength(1);
  });

  it.each([
    '/usr/share/zoneinfo/Europe/Vienna',
    '/usr/lib/locale/C.utf8/LC_CTYPE',
    '/usr/lib/x86_64-linux-gnu/gconv/UTF-16.so',
    '/usr/lib/terminfo/x/xterm',
    '/usr/lib/python3/dist-packages/pkgconfig/__init__.py',
    '/usr/lib/python3/dist-packages/__pycache__/x.cpython-311.pyc',
    '/usr/lib/x86_64-linux-gnu/ImageMagick-6.9.11/modules-Q16/coders/png.la',
    '/usr/lib/ldap/back_mdb.la',
    '/usr/share/perl/5.36.0/pod/perldiag.pod',
    '/etc/init.d/nginx',
    '/etc/cron.d/x',
    '/usr/src/app/index.js',
    '/app/node_modules/x/doc/a.js',
    '/app/libx.a',
    '/usr/share/locale/locale.alias',
    '/etc/os-release',
  ])('keeps %s, which programs read', (path) => {
    expect(lean([path]).trusted.map((trusted) => trusted.path)).toEqual([path]);
  });

  it('gives way to --trust, and what is required stays', () => {
    const paths = ['/usr/share/doc/a/x', '/usr/share/doc/b/x', '/usr/lib/x.a'];
    const trusted = (more: object) => lean(paths, more).trusted.map(({ path }) => path);
    expect(trusted({ trust: ['/usr/share/doc/a'] })).toEqual(['/usr/share/doc/a/x']);
    expect(trusted({ trust: ['/usr/share/doc'] })).toEqual(['/usr/share/doc/a/x', '/usr/share/doc/b/x']);
    expect(trusted({ trust: ['/usr/lib/**/*.a'] })).toEqual(['/usr/lib/x.a']);
    expect(trusted({ required: ['/usr/share/doc/b/x'] })).toEqual(['/usr/share/doc/b/x']);
  });

  it('leaves out translations only where the environment sets no language', () => {
    const path = '/usr/share/locale/de/LC_MESSAGES/x.mo';
    expect(lean([path]).trusted).toHaveLength(1);
    expect(lean([path], { usesTranslations: false }).trusted).toEqual([]);
    expect(lean([path], { usesTranslations: false, level: 'full' }).trusted).toHaveLength(1);
  });
});

describe('asksForLanguage', () => {
  it.each([
    [{ LANG: 'de_DE.UTF-8' }, true],
    [{ LANGUAGE: 'de:fr' }, true],
    [{ LC_ALL: 'C', LC_MESSAGES: 'fr_FR' }, true],
    [{ LANG: 'C.UTF-8' }, false],
    [{ LANG: 'C', LC_ALL: 'POSIX', LANGUAGE: '' }, false],
    [{ LC_CTYPE: 'de_DE.UTF-8', HOME: '/' }, false],
    [{}, false],
  ])('%o: %s', (variables, expected) => {
    expect(asksForLanguage({ variables: Object.entries(variables) })).toBe(expected);
  });
});
