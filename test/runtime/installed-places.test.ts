import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { findRuntime } from '../../src/runtime/find/find-runtime.ts';
import { installedPlace } from '../../src/runtime/installed-places.ts';
import { parseRuntimeVersion } from '../../src/runtime/version.ts';
import { installation, treeOf } from '../support/runtime/make-tree.ts';
import { attestingRuntime, ownLibraries } from '../support/user-manifest/attesting-runtime.ts';

describe('a place of an installed Gramine', () => {
  test.each([
    ['/usr/lib/x86_64-linux-gnu/gramine', '/gramine/runtime'],
    ['/usr/lib64/gramine/runtime/glibc', ownLibraries],
    ['/usr/local/lib/gramine/libsysdb.so', '/gramine/runtime/libsysdb.so'],
    [
      '/gramine/meson_build_output/lib/x86_64-linux-gnu/gramine/runtime/glibc/libc.so.6',
      `${ownLibraries}/libc.so.6`,
    ],
    ['/home/me/install/lib/x86_64-linux-gnu/gramine/runtime/glibc', ownLibraries],
    ['/usr/lib/graphene/runtime/glibc', ownLibraries],
    ['/gramine/runtime/runtime/glibc', ownLibraries],
    ['/gramine/host', '/gramine/host'],
    ['/usr/lib/x86_64-linux-gnu/libsecret_prov_attest.so', `${ownLibraries}/libsecret_prov_attest.so`],
    ['/libsecret_prov_attest.so', `${ownLibraries}/libsecret_prov_attest.so`],
  ])('%s is %s in the image', async (path, place) => {
    expect(installedPlace(await attestingRuntime(), imagePath(path))).toBe(place);
  });

  test.each([
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib/x86_64-linux-gnu/libc.so.6',
    '/usr/lib/x86_64-linux-gnu/gramine-more/runtime/glibc',
    '/usr/share/gramine/runtime/glibc',
    '/usr/lib/x86_64-linux-gnu/gramine/runtime/musl',
    '/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc/libnone.so',
    '/usr/lib/libra_tls_verify_dcap.so',
    '/gramine',
    '/',
  ])('%s is none that this runtime has', async (path) => {
    expect(installedPlace(await attestingRuntime(), imagePath(path))).toBeUndefined();
  });

  test('is also the one that the runtime was taken from', async () => {
    const { tree, readFiles } = treeOf(installation('/opt/odd/place', '1.9'));
    const runtime = await findRuntime(tree, readFiles, {
      subject: 'runtime',
      version: parseRuntimeVersion('1.9'),
    });
    expect(installedPlace(runtime, imagePath('/opt/odd/place/runtime/glibc'))).toBe(ownLibraries);
  });
});
