import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { ProgramProbe } from '../../src/scan/program-probe.ts';
import { guardFiles } from '../../src/trace/guard-files.ts';
import { guardRules } from '../../src/trace/guard-rules.ts';
import type { FileNode } from '../../src/tree/file-tree.ts';
import { walkTree } from '../../src/tree/walk-tree.ts';
import { parseGlob } from '../../src/trust/glob.ts';
import { makeElf } from '../support/runtime/make-elf.ts';
import { type Files, treeOf } from '../support/runtime/make-tree.ts';

/** Files with what a scan finds out about programs. */
function imageOf(files: Files): ReturnType<typeof treeOf> {
  const source = treeOf(files);
  for (const { path, node } of walkTree(source.tree)) {
    const content = files[path];
    if (node.kind !== 'file' || content === undefined) continue;
    const bytes = Buffer.from(content as Buffer);
    const probe = new ProgramProbe(bytes.length);
    probe.push(bytes);
    if (probe.program) Object.assign(node as FileNode, { program: probe.program });
  }
  return source;
}

const library = '/usr/lib/x86_64-linux-gnu';

async function guarded(files: Files, ...opened: readonly string[]): Promise<readonly string[]> {
  const { tree, readFiles } = imageOf({ ...Object.fromEntries(opened.map((path) => [path, ''])), ...files });
  const found = await guardFiles(new Set(opened.map(imagePath)), {
    tree,
    readFiles,
    libraryDirectories: [imagePath(library)],
  });
  return [...found.keys()].sort();
}

const empty = (...paths: readonly string[]): Files => Object.fromEntries(paths.map((path) => [path, '']));

describe('a guard adds to what was opened', () => {
  test.each<[string, readonly string[], readonly string[], readonly string[]]>([
    [
      'what names are looked up through, whatever was opened',
      ['/app'],
      [
        '/etc/nsswitch.conf',
        '/etc/passwd',
        '/etc/hosts.allow',
        `${library}/libnss_dns.so.2`,
        `${library}/libz.so.1`,
      ],
      ['/etc/nsswitch.conf', '/etc/passwd', `${library}/libnss_dns.so.2`],
    ],
    [
      "the packages of Python that are in use, their descriptions and the standard library's modules, no others and no tests",
      ['/usr/lib/python3.11/json/decoder.py', '/usr/lib/python3/dist-packages/flask/app.py'],
      [
        '/usr/lib/python3.11/json/tool.py',
        '/usr/lib/python3.11/uuid.py',
        '/usr/lib/python3.11/__pycache__/uuid.cpython-311.pyc',
        '/usr/lib/python3.11/lib-dynload/_bz2.so',
        '/usr/lib/python3.11/xml/sax.py',
        '/usr/lib/python3/dist-packages/flask/json/tag.py',
        '/usr/lib/python3/dist-packages/flask/tests/test_app.py',
        '/usr/lib/python3/dist-packages/flask-2.0.dist-info/METADATA',
        '/usr/lib/python3/dist-packages/numpy/core.py',
        '/usr/lib/python3/dist-packages/six.py',
      ],
      [
        '/usr/lib/python3.11/__pycache__/uuid.cpython-311.pyc',
        '/usr/lib/python3.11/json/tool.py',
        '/usr/lib/python3.11/lib-dynload/_bz2.so',
        '/usr/lib/python3.11/uuid.py',
        '/usr/lib/python3/dist-packages/flask-2.0.dist-info/METADATA',
        '/usr/lib/python3/dist-packages/flask/json/tag.py',
        '/usr/lib/python3/dist-packages/six.py',
      ],
    ],
    [
      'the packages of Node that are in use, without those inside of them, and the application itself',
      ['/app/package.json', '/app/node_modules/a/index.js', '/app/node_modules/@s/b/lib/x.js'],
      [
        '/app/src/late.js',
        '/app/node_modules/a/lib/late.js',
        '/app/node_modules/a/node_modules/c/index.js',
        '/app/node_modules/@s/b/package.json',
        '/app/node_modules/@s/other/index.js',
        '/app/node_modules/unused/index.js',
      ],
      ['/app/node_modules/@s/b/package.json', '/app/node_modules/a/lib/late.js', '/app/src/late.js'],
    ],
    [
      'a package of Node inside of another one that is in use',
      ['/app/node_modules/a/node_modules/c/index.js'],
      ['/app/node_modules/a/node_modules/c/lib/x.js', '/app/node_modules/a/node_modules/d/index.js'],
      ['/app/node_modules/a/node_modules/c/lib/x.js'],
    ],
    [
      'certificates where TLS is in use',
      [`${library}/libssl.so.3`],
      [
        '/etc/ssl/certs/ca-certificates.crt',
        '/etc/ssl/private/key.pem',
        '/etc/ssl/openssl.cnf',
        `${library}/ossl-modules/legacy.so`,
      ],
      ['/etc/ssl/certs/ca-certificates.crt', '/etc/ssl/openssl.cnf', `${library}/ossl-modules/legacy.so`],
    ],
    [
      'time zones where one was read, without their copies',
      ['/usr/share/zoneinfo/Europe/Berlin'],
      ['/usr/share/zoneinfo/Asia/Tokyo', '/usr/share/zoneinfo/right/Asia/Tokyo', '/etc/localtime'],
      ['/etc/localtime', '/usr/share/zoneinfo/Asia/Tokyo'],
    ],
    [
      'character sets where one was read',
      [`${library}/gconv/gconv-modules.cache`],
      [`${library}/gconv/EUC-JP.so`, `${library}/gconv/gconv-modules.d/extra.conf`],
      [`${library}/gconv/EUC-JP.so`, `${library}/gconv/gconv-modules.d/extra.conf`],
    ],
    [
      'the rest of a locale, and no other locale',
      ['/usr/lib/locale/C.utf8/LC_CTYPE'],
      ['/usr/lib/locale/C.utf8/LC_TIME', '/usr/lib/locale/de_DE.utf8/LC_TIME'],
      ['/usr/lib/locale/C.utf8/LC_TIME'],
    ],
    [
      'what scripts call, where a shell was started',
      ['/usr/bin/dash'],
      ['/usr/bin/sed', '/usr/bin/[', '/usr/bin/gcc', '/usr/local/bin/cat'],
      ['/usr/bin/[', '/usr/bin/sed', '/usr/local/bin/cat'],
    ],
    [
      'plug-ins of the same kind beside an opened one',
      ['/usr/lib/nginx/modules/ngx_http_geoip.so', '/usr/lib/app/other/x.so'],
      ['/usr/lib/nginx/modules/ngx_stream.so', '/usr/lib/nginx/modules/README', '/usr/lib/app/other/y.so'],
      ['/usr/lib/nginx/modules/ngx_stream.so'],
    ],
    [
      'configuration next to a file that was read',
      ['/etc/app/main.conf'],
      ['/etc/app/conf.d/a.conf', '/etc/other/x'],
      ['/etc/app/conf.d/a.conf'],
    ],
    [
      'archives of Java beside an opened one',
      ['/opt/app/lib/a.jar'],
      ['/opt/app/lib/b.jar', '/opt/app/lib/b.txt'],
      ['/opt/app/lib/b.jar'],
    ],
    [
      'the Java runtime without its sources',
      ['/usr/lib/jvm/java-17/lib/server/libjvm.so'],
      [
        '/usr/lib/jvm/java-17/lib/libnet.so',
        '/usr/lib/jvm/java-17/conf/net.properties',
        '/usr/lib/jvm/java-17/lib/src.zip',
        '/usr/lib/jvm/java-17/bin/jshell',
      ],
      ['/usr/lib/jvm/java-17/conf/net.properties', '/usr/lib/jvm/java-17/lib/libnet.so'],
    ],
    [
      'modules of Perl that are in use',
      ['/usr/share/perl/5.36/JSON/PP.pm'],
      [
        '/usr/share/perl/5.36/JSON.pm',
        '/usr/share/perl/5.36/JSON/PP/Boolean.pm',
        '/usr/share/perl/5.36/unicore/Name.pl',
        '/usr/share/perl/5.36/CPAN/Meta.pm',
      ],
      [
        '/usr/share/perl/5.36/JSON.pm',
        '/usr/share/perl/5.36/JSON/PP/Boolean.pm',
        '/usr/share/perl/5.36/unicore/Name.pl',
      ],
    ],
    [
      'a gem of Ruby that is in use',
      ['/var/gems/gems/rack-2.0/lib/rack.rb'],
      [
        '/var/gems/gems/rack-2.0/lib/rack/x.rb',
        '/var/gems/gems/puma-5/lib/puma.rb',
        '/var/gems/specifications/rack-2.0.gemspec',
      ],
      ['/var/gems/gems/rack-2.0/lib/rack/x.rb', '/var/gems/specifications/rack-2.0.gemspec'],
    ],
  ])('%s', async (_name, opened, files, added) => {
    expect(await guarded(empty(...files), ...opened)).toEqual([...added].sort());
  });

  test('what links among those lead to, under its real name, and nothing for links that lead nowhere', async () => {
    const files: Files = {
      '/etc/ssl/certs/a.0': { link: 'A.pem' },
      '/etc/ssl/certs/A.pem': { link: '/usr/share/ca-certificates/A.crt' },
      '/etc/ssl/certs/dead.0': { link: 'nowhere' },
      '/usr/share/ca-certificates/A.crt': 'A',
    };
    expect(await guarded(files, `${library}/libssl.so.3`)).toEqual(['/usr/share/ca-certificates/A.crt']);
  });

  test('patterns in the names of what was opened are names', async () => {
    expect(await guarded(empty('/etc/[ab]*/y', '/etc/a/z'), '/etc/[ab]*/x')).toEqual(['/etc/[ab]*/y']);
  });
});

describe('what ELF files and scripts need is added', () => {
  const files: Files = {
    '/app/script': '#!/usr/bin/tool -x\n',
    '/usr/bin/tool': makeElf({ interpreter: '/lib64/ld.so', needed: ['liba.so', 'libmissing.so'] }),
    '/lib64': { link: 'usr/lib64' },
    '/usr/lib64/ld.so': makeElf(),
    [`${library}/liba.so`]: { link: 'liba.so.1' },
    [`${library}/liba.so.1`]: makeElf({
      needed: ['libown.so', '/opt/abs.so'],
      runpath: '$ORIGIN/private:$LIB/x',
    }),
    [`${library}/private/libown.so`]: makeElf({ needed: ['liba.so'] }),
    [`${library}/libown.so`]: makeElf(),
    '/opt/abs.so': makeElf(),
    '/opt/damaged.so': Buffer.concat([makeElf({ needed: ['liba.so'] }).subarray(0, 200)]),
  };
  const all = [
    '/opt/abs.so',
    '/usr/bin/tool',
    `${library}/liba.so.1`,
    `${library}/private/libown.so`,
    '/usr/lib64/ld.so',
  ];

  test('through scripts, interpreters, run paths and absolute names, in circles too', async () => {
    expect(await guarded(files, '/app/script')).toEqual([...all].sort());
  });

  test('nothing for a damaged file, and for what the image lacks', async () => {
    expect(await guarded(files, '/opt/damaged.so')).toEqual([]);
  });
});

describe('the table of guards', () => {
  test.each(guardRules.map((rule) => [rule.reason, rule] as const))(
    '%s: patterns and reason are well-formed',
    (reason, rule) => {
      expect(reason).not.toMatch(/\.$/);
      expect(rule.adds.length).toBeGreaterThan(0);
      const groups = rule.when ? (new RegExp(`${rule.when.source}|`).exec('')?.length ?? 1) : 1;
      for (const pattern of rule.adds) {
        expect(pattern).toMatch(/^(?:\/|\$1)/);
        for (const [, number] of pattern.matchAll(/\$(\d)/g)) expect(Number(number)).toBeLessThan(groups);
        expect(() => parseGlob(pattern.replace(/\$\d/g, '/x'))).not.toThrow();
      }
    },
  );
});
