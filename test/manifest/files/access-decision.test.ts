import { describe, expect, it } from 'vitest';
import { imagePath } from '../../../src/base/image-path.ts';
import { decideAccess, readManifestNames } from '../../../src/manifest/files/access-decision.ts';
import { parseToml } from '../../../src/manifest/toml/toml.ts';

const hash = 'a'.repeat(64);

function treat(manifest: string, path: string) {
  return decideAccess(readManifestNames(parseToml(manifest, 'test').root), imagePath(path));
}

/** A manifest whose root is the host's, with these mounts, trusted and allowed files. */
function manifest(
  mounts: readonly string[],
  trusted: readonly string[] = [],
  allowed: readonly string[] = [],
  more = '',
): string {
  return `
fs.root = { type = "chroot", uri = "file:/" }
fs.mounts = [${mounts.map((mount) => `{ ${mount} },`).join(' ')}]
sgx.trusted_files = [${trusted.map((uri) => `{ uri = "${uri}", sha256 = "${hash}" },`).join(' ')}]
sgx.allowed_files = [${allowed.map((uri) => `"${uri}",`).join(' ')}]
${more}`;
}

describe('decideAccess', () => {
  it('a trusted entry stands for exactly its name, cleaned', () => {
    const text = manifest([], ['file:/usr//bin/./x']);
    expect(treat(text, '/usr/bin/x')).toMatchObject({
      kind: 'trusted',
      sha256: hash,
      hostPath: '/usr/bin/x',
    });
    for (const path of ['/usr/bin/x/y', '/usr/bin', '/usr/bin/xy', '/bin/x', '/']) {
      expect(treat(text, path).kind).toBe('refused');
    }
  });

  it('an allowed entry stands for itself and all below it, and for no longer name', () => {
    const text = manifest([], [], ['file:/data/', 'file:/log', 'dev:/dev/fuse']);
    for (const path of ['/data', '/data/x', '/data/x/y', '/log', '/log/a']) {
      expect(treat(text, path).kind).toBe('allowed');
    }
    for (const path of ['/datax', '/dat', '/logs']) expect(treat(text, path).kind).toBe('refused');
    expect(treat(text, '/data/x')).toMatchObject({ entry: 'file:/data/' });
  });

  it('allowing all with file:/ allows every name of the host', () => {
    expect(treat(manifest([], [], ['file:/']), '/a/b').kind).toBe('allowed');
  });

  it('an allowed entry wins over a trusted one: the file is not protected', () => {
    const text = manifest([], ['file:/data/x'], ['file:/data']);
    expect(treat(text, '/data/x')).toMatchObject({ kind: 'allowed', entry: 'file:/data', sha256: hash });
  });

  it('a chroot mount replaces the beginning of a name, and only there is looked for entries', () => {
    const text = manifest(
      ['type = "chroot", path = "/lib", uri = "file:/usr/lib"'],
      ['file:/usr/lib/x', 'file:/lib/y'],
    );
    expect(treat(text, '/lib/x')).toMatchObject({ kind: 'trusted', hostPath: '/usr/lib/x' });
    expect(treat(text, '/lib/y')).toMatchObject({ kind: 'refused', hostPath: '/usr/lib/y' });
    expect(treat(text, '/usr/lib/x')).toMatchObject({ kind: 'trusted', hostPath: '/usr/lib/x' });
    expect(treat(text, '/lib')).toMatchObject({ kind: 'refused', hostPath: '/usr/lib' });
    expect(treat(text, '/lib64/x')).toMatchObject({ hostPath: '/lib64/x' });
  });

  it('mounts do not lead to each other', () => {
    const mounts = [
      'type = "chroot", path = "/a", uri = "file:/b"',
      'type = "chroot", path = "/b", uri = "file:/c"',
    ];
    expect(treat(manifest(mounts), '/a/x')).toMatchObject({ hostPath: '/b/x' });
  });

  it('of the mounts that cover a name the last one counts, also if it covers more', () => {
    const inner = 'type = "tmpfs", path = "/a/b"';
    const outer = 'path = "/a", uri = "file:/x"';
    expect(treat(manifest([inner, outer]), '/a/b/c')).toMatchObject({ kind: 'refused', hostPath: '/x/b/c' });
    expect(treat(manifest([outer, inner]), '/a/b/c')).toMatchObject({
      kind: 'storage',
      mount: { at: '/a/b' },
    });
    expect(treat(manifest([outer, inner]), '/a/bc').kind).toBe('refused');
  });

  it.each([
    ['type = "tmpfs", path = "/t"', { type: 'tmpfs' }],
    ['type = "encrypted", path = "/t", uri = "file:/t", key_name = "k"', { type: 'encrypted', keyName: 'k' }],
    ['type = "untrusted_shm", path = "/t", uri = "dev:/dev/shm"', { type: 'untrusted_shm' }],
  ])('what is on %s is storage, listed or not', (mount, expected) => {
    const found = treat(manifest([mount], ['file:/t/x'], ['file:/t/x']), '/t/x');
    expect(found).toMatchObject({ kind: 'storage', mount: expected });
  });

  it('/proc, /dev and /sys are those of Gramine, unless something is mounted there', () => {
    const text = manifest(['type = "chroot", path = "/dev/shm", uri = "file:/dev/shm"'], [], ['file:/']);
    for (const path of ['/proc/self/maps', '/dev', '/dev/null', '/sys']) {
      expect(treat(text, path).kind).toBe('emulated');
    }
    expect(treat(text, '/dev/shm/x').kind).toBe('allowed');
    expect(treat(text, '/process').kind).toBe('allowed');
  });

  it('/etc/resolv.conf is generated where the manifest says so, over all mounts', () => {
    const more = 'sys.enable_extra_runtime_domain_names_conf = true';
    const text = manifest(['type = "tmpfs", path = "/etc"'], ['file:/etc/resolv.conf'], [], more);
    expect(treat(text, '/etc/resolv.conf')).toEqual({ kind: 'emulated', place: '/etc/resolv.conf' });
    expect(treat(text, '/etc/hosts').kind).toBe('storage');
    expect(treat(manifest([], ['file:/etc/resolv.conf']), '/etc/resolv.conf').kind).toBe('trusted');
  });

  it('a file that is not listed is let through only where the policy says so', () => {
    const text = manifest([], ['file:/a'], [], 'sgx.file_check_policy = "allow_all_but_log"');
    expect(treat(text, '/b').kind).toBe('unchecked');
    expect(treat(text, '/a').kind).toBe('trusted');
  });

  it('relative URIs stand for relative names of the host alone', () => {
    const text = `
fs.mounts = [{ path = "/d", uri = "file:data/../d" }, { path = "/abs", uri = "file:/abs" }]
sgx.trusted_files = [{ uri = "file:d/x", sha256 = "${hash}" }, { uri = "file:/y", sha256 = "${hash}" }]
sgx.allowed_files = ["file:free", "file:abs"]`;
    expect(treat(text, '/d/x')).toMatchObject({ kind: 'trusted', hostPath: 'd/x' });
    expect(treat(text, '/y')).toMatchObject({ kind: 'refused', hostPath: 'y' });
    expect(treat(text, '/free/z').kind).toBe('allowed');
    expect(treat(text, '/abs/z').kind).toBe('refused');
    expect(treat('sgx.allowed_files = ["file:."]', '/z').kind).toBe('allowed');
  });
});
