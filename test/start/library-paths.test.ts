import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scanRootDirectory } from '../../src/scan/scan-root-directory.ts';
import { findStart } from '../../src/start/container-process.ts';
import type { LibraryPaths } from '../../src/start/library-paths.ts';
import { mergeLayers } from '../../src/tree/merge-layers.ts';
import { imageForTest } from '../support/images/image-for-test.ts';
import { stageDirectories, stageLinks, stageTexts } from '../support/images/stage-files.ts';
import { hasTool } from '../support/tool.ts';

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'library-paths-'));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function librariesIn(root: string, program: string): Promise<LibraryPaths> {
  const { entries } = await scanRootDirectory(root);
  const config = { config: { Cmd: [program] }, rootfs: { type: 'layers' as const } };
  return findStart(config, mergeLayers([entries]), 'test').libraries;
}

/** The directories that glibc's own ldconfig goes through in a root, under their real names, in order. */
function ldconfigDirectories(root: string): readonly string[] | undefined {
  if (!hasTool('ldconfig')) {
    if (process.env.CI) throw new Error('ldconfig is needed for this test');
    process.stderr.write('SKIPPED: no comparison with ldconfig: it is not installed\n');
    return undefined;
  }
  const { stdout } = spawnSync('ldconfig', ['-r', root, '-N', '-X', '-v'], { encoding: 'utf8' });
  const listed = [...stdout.matchAll(/^(\/\S*): \(from /gm)].map((match) => match[1] ?? '');
  expect(listed.length).toBeGreaterThan(0);
  return [...new Set(listed.map((path) => realpathSync(join(root, path)).slice(root.length)))];
}

/** ldconfig knows the defaults of the system that it was built for only: it must not see more, nor in another order. */
function expectToHave(directories: readonly string[], listed: readonly string[] | undefined): void {
  if (listed !== undefined) expect(directories.filter((path) => listed.includes(path))).toEqual(listed);
}

test('of a Debian system are those that ldconfig lists, in its order', async (context) => {
  const { rootfs } = await imageForTest(context, 'debian-python');
  const { libc, directories } = await librariesIn(rootfs, '/usr/bin/python3');
  expect(libc).toBe('glibc');
  expect(directories).toEqual(['/usr/local/lib', '/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib']);
  expectToHave(directories, ldconfigDirectories(rootfs));
});

test('of a musl image are in the directory of its interpreter', async (context) => {
  const { rootfs } = await imageForTest(context, 'musl');
  expect(await librariesIn(rootfs, '/usr/local/bin/greet')).toEqual({
    libc: 'musl',
    directories: ['/lib'],
    notes: [],
  });
});

/** The glibc program, loader and libraries of this machine's Node in its own layout. */
async function stageGlibc(root: string, loader: string): Promise<void> {
  const file = join(root, loader);
  await mkdir(join(file, '..'), { recursive: true });
  await cp(realpathSync('/lib64/ld-linux-x86-64.so.2'), file);
  await mkdir(join(root, 'app'), { recursive: true });
  await cp(process.execPath, join(root, 'app/program'));
}

test('of an RPM system are in its lib64, those of included files first', async () => {
  const root = join(scratch, 'rpm');
  await stageDirectories(root, [
    '/usr/lib64',
    '/usr/lib',
    '/usr/lib64/mysql',
    '/opt/app/lib64',
    '/usr/local/lib64',
  ]);
  await stageLinks(root, { '/lib64': 'usr/lib64', '/lib': 'usr/lib', '/opt/current': 'app' });
  await stageGlibc(root, '/usr/lib64/ld-linux-x86-64.so.2');
  await stageTexts(root, {
    '/etc/ld.so.conf': 'include ld.so.conf.d/*.conf\n',
    '/etc/ld.so.conf.d/mysql-x86_64.conf': '/usr/lib64/mysql\n',
    '/etc/ld.so.conf.d/app.conf': '/opt/current/lib64\n/lib64 # again\n',
    '/etc/ld.so.conf.d/kernel.conf': '# nothing but a comment\n',
  });
  const { libc, directories } = await librariesIn(root, '/app/program');
  expect(libc).toBe('glibc');
  expect(directories).toEqual(['/opt/app/lib64', '/usr/lib64', '/usr/lib64/mysql', '/usr/lib']);
  expectToHave(directories, ldconfigDirectories(root));
});

test('of an image without a distribution are in the directories of Debian that it has', async () => {
  const root = join(scratch, 'distroless');
  await stageDirectories(root, ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib64', '/etc']);
  await stageLinks(root, { '/lib64/ld-linux-x86-64.so.2': '/lib/x86_64-linux-gnu/ld-2.31.so' });
  await stageGlibc(root, '/lib/x86_64-linux-gnu/ld-2.31.so');
  const { libc, directories } = await librariesIn(root, '/app/program');
  expect(libc).toBe('glibc');
  expect(directories).toEqual([
    '/lib/x86_64-linux-gnu',
    '/usr/lib/x86_64-linux-gnu',
    '/lib64',
    '/lib',
    '/usr/lib',
  ]);
  expectToHave(directories, ldconfigDirectories(root));
});
