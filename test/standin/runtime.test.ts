import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findRuntime } from '../../src/runtime/find/find-runtime.ts';
import { hostEnvironment, launchArguments } from '../../src/runtime/launch.ts';
import { type Runtime, runtimeFiles } from '../../src/runtime/runtime.ts';
import { filesOfDirectory, treeOf } from '../support/runtime/make-tree.ts';
import { hasNeededTool } from '../support/tool.ts';

const script = fileURLToPath(new URL('../../runtime-standin/build.sh', import.meta.url));
const canBuild = ['cc', 'readelf'].map(hasNeededTool).every(Boolean);

describe.skipIf(!canBuild)('the stand-in runtime, as built', () => {
  let folder: string;
  let runtime: Runtime;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'standin-'));
    execFileSync('/bin/sh', [script, join(folder, 'built')], { stdio: ['ignore', 'ignore', 'pipe'] });
    const { tree, readFiles } = treeOf(filesOfDirectory(join(folder, 'built')));
    runtime = await findRuntime(tree, readFiles, { subject: 'stand-in' });
    for (const { path, mode, content } of runtimeFiles(runtime)) {
      mkdirSync(dirname(join(folder, 'root', path)), { recursive: true });
      writeFileSync(join(folder, 'root', path), content);
      chmodSync(join(folder, 'root', path), mode);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('is found, says that it is a stand-in and which version it plays', () => {
    expect(runtime.isStandIn).toBe(true);
    expect(runtime.version).toEqual({ family: 'gramine', text: '1.9', release: '1.9' });
    expect(runtime.origin).toBe('/usr/lib/x86_64-linux-gnu/gramine');
    expect(runtime.warnings).toEqual([]);
    expect(runtime.sizeBytes).toBeLessThan(25_000_000);
  });

  test('readelf: the loader asks for our interpreter and for nothing that is not in /gramine/host', () => {
    const loader = join(folder, 'root/gramine/runtime/sgx/loader');
    expect(readelf('-l', loader)).toContain('program interpreter: /gramine/host/ld.so]');
    const names = runtimeFiles(runtime).flatMap(
      ({ path }) => /^\/gramine\/host\/(.*)$/.exec(path)?.[1] ?? [],
    );
    for (const name of names) {
      for (const [, needed] of readelf('-d', join(folder, 'root/gramine/host', name)).matchAll(
        /NEEDED.*\[(.*)\]/g,
      )) {
        expect([...names, 'ld-linux-x86-64.so.2']).toContain(needed);
      }
    }
    const direct = [...readelf('-d', loader).matchAll(/NEEDED.*\[(.*)\]/g)].map((match) => match[1]);
    expect(direct).toContain('libprotobuf-c.so.1');
    expect(names).toEqual(expect.arrayContaining([...direct, 'ld.so']));
  });

  test('nothing but the interpreter of the SGX loader differs from what was built', () => {
    const built = filesOfDirectory(join(folder, 'built'));
    const hashes = new Set(
      Object.values(built).flatMap((value) => (value instanceof Buffer ? [sha256(value)] : [])),
    );
    const changed = runtimeFiles(runtime).filter(({ content }) => !hashes.has(sha256(content)));
    expect(changed.map(({ path }) => path)).toEqual(['/gramine/runtime/sgx/loader']);
  });

  // chroot(2) is for root only; CI runs as root in its container.
  test.skipIf(!mayChroot())('the SGX loader starts from /gramine alone, without a shell', () => {
    const { stderr, status } = spawnSync('chroot', [join(folder, 'root'), ...launchArguments('sgx')], {
      encoding: 'utf8',
      env: { ...hostEnvironment, PATH: process.env.PATH ?? '' },
    });
    expect(stderr).toMatch(/stand-in/i);
    expect(stderr).toMatch(/entrypoint\.manifest\.sgx/);
    expect(status).toBe(1);
  });

  test.skipIf(!mayChroot())('without LD_LIBRARY_PATH the SGX loader does not start', () => {
    const { status } = spawnSync('chroot', [join(folder, 'root'), ...launchArguments('sgx')], {
      env: { PATH: process.env.PATH ?? '' },
    });
    expect(status).toBe(127);
  });

  test.skipIf(!mayChroot())('the direct loader starts from /gramine alone, without any environment', () => {
    const { stderr } = spawnSync('chroot', [join(folder, 'root'), ...launchArguments('direct')], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH ?? '' },
    });
    expect(stderr).toMatch(/entrypoint\.manifest/);
  });
});

function readelf(option: string, path: string): string {
  return execFileSync('readelf', ['-W', option, path], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function mayChroot(): boolean {
  if (process.getuid?.() === 0) return true;
  if (process.env.CI) throw new Error('this test must be run by root: it needs chroot(2)');
  process.stderr.write('SKIPPED: chroot(2) is for root only\n');
  return false;
}
