import { expect, test } from 'vitest';
import { filesNamedBy, withPaths } from '../../src/fleet/file-options.ts';

const options = [
  ...['--trust', '/data', '--profile=p.profile', '-c', 'c.yaml', '--file', 'dir/a:/etc/a', '--env', '-c'],
  ...[
    '--secret-from',
    'host:4433=ca.pem',
    '--secret-from',
    'host:4433',
    '--runtime',
    'runtime',
    '--file=b:/b',
  ],
];

test('files are found in the values of options that name one, and only there', () => {
  expect(filesNamedBy(options).map(({ path }) => path)).toEqual([
    ...['p.profile', 'c.yaml', 'dir/a', 'ca.pem', 'runtime', 'b'],
  ]);
  expect(filesNamedBy(['--runtime', 'docker://r/g:1', '--trust=/x', '--profile'])).toEqual([]);
});

test('paths are replaced in place, and nothing else', () => {
  const replaced = filesNamedBy(options).map((file) => ({ file, path: `<${file.path}>` }));
  expect(withPaths(options, replaced)).toEqual([
    ...[
      '--trust',
      '/data',
      '--profile=<p.profile>',
      '-c',
      '<c.yaml>',
      '--file',
      '<dir/a>:/etc/a',
      '--env',
      '-c',
    ],
    ...['--secret-from', 'host:4433=<ca.pem>', '--secret-from', 'host:4433', '--runtime', '<runtime>'],
    '--file=<b>:/b',
  ]);
});
