import { execFileSync, spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { collectBytes } from '../../src/image/verified-stream.ts';
import { scanLayer } from '../../src/scan/scan-layer.ts';
import { scanRootDirectory } from '../../src/scan/scan-root-directory.ts';
import { layerFrom } from '../support/scan/made-layers.ts';
import { hasNeededTool } from '../support/tool.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gsc-root-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function fill(): void {
  mkdirSync(join(root, 'etc'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:\n');
  writeFileSync(join(root, 'run.sh'), '#!/bin/sh -e\n');
  chmodSync(join(root, 'run.sh'), 0o4755);
  linkSync(join(root, 'run.sh'), join(root, 'run2.sh'));
  symlinkSync('/etc', join(root, 'link'));
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0x66, 0xff])]), 'bytes');
  execFileSync('mkfifo', [join(root, 'pipe')]);
  writeFileSync(join(root, 'big'), Buffer.alloc(3_000_000, 5));
}

describe('scanRootDirectory', () => {
  it.skipIf(!hasNeededTool('tar'))('gives what a layer of GNU tar of the same directory gives', async () => {
    fill();
    const tar = execFileSync('tar', ['-C', root, '--sort=name', '--format=pax', '-cf', '-', '.'], {
      maxBuffer: 1 << 26,
      env: { ...process.env, LC_ALL: 'C' },
    });
    const index = await scanLayer(layerFrom(tar), { subject: 'test' });
    expect((await scanRootDirectory(root)).entries).toEqual(index.entries);
  });

  it('reads the content of its files, whatever their names', async () => {
    fill();
    const scan = await scanRootDirectory(root);
    expect((await collectBytes(scan.open(imagePath('/f\xff')))).toString()).toBe('bytes');
  });

  it('may be given through a link or with a trailing slash', async () => {
    fill();
    const { entries } = await scanRootDirectory(root);
    const link = `${root}-link`;
    symlinkSync(root, link);
    try {
      expect((await scanRootDirectory(link)).entries).toEqual(entries);
      expect((await scanRootDirectory(`${root}/`)).entries).toEqual(entries);
    } finally {
      rmSync(link);
    }
  });

  it('leaves out sockets and says so', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));
    try {
      const { entries, skipped } = await scanRootDirectory(root);
      expect([entries.map(({ path }) => path), skipped]).toEqual([['/'], ['/socket']]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('lists nothing of what disappears before it is read', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `f${index}`);
    const scanAfter = async (turns: number) => {
      for (const name of names) writeFileSync(join(root, name), name);
      mkdirSync(join(root, 'z/z'), { recursive: true });
      const scanning = scanRootDirectory(root);
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      for (const name of [...names, 'z']) rmSync(join(root, name), { recursive: true });
      return (await scanning).entries.length;
    };
    // Until the files went in the midst of the scan.
    for (let turns = 4; ; turns *= 2) {
      const listed = await scanAfter(turns);
      if (listed > 1 && listed < names.length) return;
      expect(turns).toBeLessThan(1 << 20);
    }
  });

  it('lists a file that grows as it was when it was read', async () => {
    const log = join(root, 'log');
    writeFileSync(log, 'a'.repeat(100_000));
    let isDone = false;
    const scanning = scanRootDirectory(root).finally(() => {
      isDone = true;
    });
    while (!isDone) {
      appendFileSync(log, 'b'.repeat(100_000));
      await new Promise(setImmediate);
    }
    const entry = (await scanning).entries.find(({ path }) => path === '/log');
    if (entry?.kind !== 'file') throw new Error('expected a file');
    expect(entry.sha256).toBe(hash('sha256', readFileSync(log).subarray(0, entry.sizeBytes)));
  });

  it('gives no content but that which it listed', async () => {
    for (const name of ['grown', 'other', 'gone', 'link']) writeFileSync(join(root, name), 'x');
    const scan = await scanRootDirectory(root);
    const contentOf = (name: string) => collectBytes(scan.open(imagePath(name)));
    expect((await contentOf('grown')).toString()).toBe('x');
    writeFileSync(join(root, 'grown'), 'xy');
    writeFileSync(join(root, 'other'), 'y');
    rmSync(join(root, 'gone'));
    rmSync(join(root, 'link'));
    symlinkSync('/etc/passwd', join(root, 'link'));
    for (const name of ['grown', 'other', 'link']) {
      await expect(contentOf(name)).rejects.toMatchObject({ code: 'unreadable', hint: expect.any(String) });
    }
    await expect(contentOf('gone')).rejects.toMatchObject({ code: 'not-found' });
    await expect(contentOf('never')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('leaves out what the kernel makes up below it, and says so', ({ skip }) => {
    const proc = join(root, 'proc');
    mkdirSync(proc);
    writeFileSync(join(root, 'z'), '');
    const mounted = spawnSync('mount', ['-t', 'proc', 'proc', proc]);
    if (mounted.status !== 0 && process.env.CI) throw new Error(`cannot mount: ${mounted.stderr}`);
    if (mounted.status !== 0) skip('nothing can be mounted here');
    return scanRootDirectory(root)
      .then(({ entries, skipped }) => {
        expect(entries.map(({ path }) => path)).toEqual(['/', '/proc', '/z']);
        expect(skipped).toEqual(['/proc']);
      })
      .finally(() => execFileSync('umount', [proc]));
  });

  it('a directory that is not there, or is a file, is an error', async () => {
    writeFileSync(join(root, 'file'), '');
    await expect(scanRootDirectory(join(root, 'nope'))).rejects.toMatchObject({ code: 'not-found' });
    await expect(scanRootDirectory(join(root, 'file'))).rejects.toMatchObject({ code: 'not-found' });
  });
});
