import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { testWithTool } from '../support/tool.ts';

const directory = mkdtempSync(join(tmpdir(), "gsc %41 it's é#"));
afterAll(() => rmSync(directory, { recursive: true }));

testWithTool('cc', 'the maker of images runs in a directory of any name', () => {
  for (const part of ['package.json', 'scripts', 'src', 'test', 'samples']) {
    cpSync(part, join(directory, part), { recursive: true });
  }
  symlinkSync(join(process.cwd(), 'node_modules'), join(directory, 'node_modules'));
  const run = spawnSync('node', ['scripts/make-images.mjs', 'none'], { cwd: directory, encoding: 'utf8' });
  expect(run.stderr).toContain('unknown image none; there are node, ');
  expect(run.status).toBe(2);
  const made = spawnSync('node', ['scripts/make-images.mjs', '--to', 'made', 'scratch'], {
    cwd: directory,
    encoding: 'utf8',
  });
  expect([made.status, made.stderr]).toEqual([0, '']);
  expect(made.stdout).toMatch(/^oci:.*made\/scratch-.*\n$/);
});
