import { expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { entrypointName, type Names } from '../../src/graminize/entrypoint-name.ts';
import type { Executable } from '../../src/start/executable.ts';
import type { FileNode } from '../../src/tree/file-tree.ts';

function found(name: string, path: string, kind: 'script' | 'elf'): Executable {
  const program =
    kind === 'script' ? { kind, interpreter: '/bin/sh' } : { kind, machine: 62, interpreter: '/lib/ld.so' };
  const node: FileNode = {
    kind: 'file',
    mode: 0o755,
    uid: 0,
    gid: 0,
    layer: 0,
    sizeBytes: 1,
    sha256: '0'.repeat(64),
    program,
  };
  return { name: imagePath(name), path: imagePath(path), node };
}

function names(
  trusted: readonly string[],
  mounts: readonly [string, string][] = [],
  covered: readonly string[] = [],
): Names {
  return {
    trusted: trusted.map((path) => ({
      path: imagePath(path),
      sha256: '0'.repeat(64),
      sizeBytes: 1,
    })) as Names['trusted'],
    mounts: mounts.map(([path, target]) => ({ path: imagePath(path), target: imagePath(target) })),
    covered: covered.map(imagePath),
  };
}

test('an ELF file is started by its real path', () => {
  expect(entrypointName(found('/bin/java', '/jvm/java', 'elf'), names(['/bin/java', '/jvm/java']))).toBe(
    '/jvm/java',
  );
});

test('an ELF file whose path becomes argv[0] is started by the link that has another name', () => {
  const given = { ...names(['/bin/ls', '/bin/busybox', '/jvm/ls']), isArgv0: true };
  expect(entrypointName(found('/bin/ls', '/bin/busybox', 'elf'), given)).toBe('/bin/ls');
  expect(entrypointName(found('/bin/ls', '/jvm/ls', 'elf'), given)).toBe('/jvm/ls');
  expect(entrypointName(found('/bin/cat', '/bin/busybox', 'elf'), given)).toBe('/bin/busybox');
});

test.each<[string, Names, string]>([
  ['that is trusted', names(['/run.sh', '/opt/app/run.sh']), '/run.sh'],
  ['that no entry names', names(['/opt/app/run.sh']), '/opt/app/run.sh'],
])('a script is started by the link %s', (_, given, expected) => {
  expect(entrypointName(found('/run.sh', '/opt/app/run.sh', 'script'), given)).toBe(expected);
});

test.each<[string, Names, string]>([
  ['a mounted directory', names(['/opt/1/run.sh'], [['/app', '/opt/1']]), '/app/run.sh'],
  [
    'the deepest of several',
    names(
      ['/opt/1/run.sh'],
      [
        ['/app', '/opt/1'],
        ['/', '/none'],
      ],
    ),
    '/app/run.sh',
  ],
  ['a mount of another directory', names(['/opt/1/run.sh'], [['/ap', '/opt/1']]), '/opt/1/run.sh'],
  ['a link that a tmpfs covers', names(['/opt/1/run.sh'], [['/app', '/opt/1']], ['/app']), '/opt/1/run.sh'],
])('a script behind %s', (_, given, expected) => {
  expect(entrypointName(found('/app/run.sh', '/opt/1/run.sh', 'script'), given)).toBe(expected);
});
