import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { collectBytes } from '../../src/image/verified-stream.ts';
import { scanLayer } from '../../src/scan/scan-layer.ts';
import { scanRootDirectory } from '../../src/scan/scan-root-directory.ts';
import { layerFrom } from '../support/scan/made-layers.ts';
import { hasTool } from '../support/tar/foreign-tool.ts';

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
  it.skipIf(!hasTool('tar'))('gives what a layer of GNU tar of the same directory gives', async () => {
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

  it('a directory that is not there, or is a file, is an error', async () => {
    writeFileSync(join(root, 'file'), '');
    await expect(scanRootDirectory(join(root, 'nope'))).rejects.toMatchObject({ code: 'not-found' });
    await expect(scanRootDirectory(join(root, 'file'))).rejects.toMatchObject({ code: 'not-found' });
  });
});
