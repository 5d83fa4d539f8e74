import { describe, expect, test } from 'vitest';
import { imagePath } from '../../../src/base/image-path.ts';
import { mountOf, reachThroughMounts, readMounts } from '../../../src/manifest/files/mounts.ts';
import { parseToml } from '../../../src/manifest/toml/toml.ts';

const root = 'fs.root = { type = "chroot", uri = "file:/" }\n';

function isReachable(mounts: readonly string[], path: string, start = root): boolean {
  const document = parseToml(`${start}fs.mounts = [${mounts.join(', ')}]`, 'm');
  return reachThroughMounts(document.root)(imagePath(path));
}

const tmpfs = (path: string) => `{ type = "tmpfs", path = "${path}" }`;
const chroot = (path: string, uri: string) => `{ path = "${path}", uri = "file:${uri}" }`;

describe('a file of the host is in reach', () => {
  test.each<[string, readonly string[], string]>([
    ['through the root', [], '/a/b'],
    ['beside a mount whose name its own begins with', [tmpfs('/tmp')], '/tmpx'],
    ['through a mount that shows it elsewhere', [tmpfs('/a'), chroot('/b', '/a')], '/a/x'],
    ['through a mount on top of a tmpfs', [tmpfs('/run'), chroot('/run/x', '/run/x')], '/run/x/y'],
    ['through a mount of one file', [tmpfs('/run'), chroot('/run/x', '/run/x')], '/run/x'],
    ['through a mount of the root', [tmpfs('/a'), chroot('/host', '/')], '/a/x'],
  ])('%s', (_, mounts, path) => expect(isReachable(mounts, path)).toBe(true));
});

describe('a file of the host is out of reach', () => {
  test.each<[string, readonly string[], string]>([
    ['below a tmpfs', [tmpfs('/tmp')], '/tmp/x'],
    ['at a tmpfs', [tmpfs('/tmp/')], '/tmp'],
    ['below an encrypted mount', ['{ type = "encrypted", path = "/d", uri = "file:/d" }'], '/d/x'],
    ['below a mount of other files', [chroot('/a', '/b')], '/a/x'],
    ['through a mount that a later one covers', [chroot('/run/x', '/run/x'), tmpfs('/run')], '/run/x'],
  ])('%s', (_, mounts, path) => expect(isReachable(mounts, path)).toBe(false));

  test('outside of a root that is a directory of the host', () => {
    expect(isReachable([], '/srv/x', 'fs.root = { uri = "file:/srv" }\n')).toBe(true);
    expect(isReachable([], '/etc/x', 'fs.root = { uri = "file:/srv" }\n')).toBe(false);
    expect(isReachable([], '/x', 'fs.root = { type = "tmpfs" }\n')).toBe(false);
  });
});

test('values that are not mounts are skipped', () => {
  const { root: manifest } = parseToml('fs.mounts = [1, { type = 2, path = "/a" }, { type = "tmpfs" }]', 'm');
  expect(readMounts(manifest)).toEqual([{ type: 'chroot', at: '/', shows: '/' }]);
  expect(mountOf(imagePath('/a'), readMounts(manifest))?.at).toBe('/');
});
