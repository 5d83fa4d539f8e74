import { expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { encryptedMountNotes } from '../../src/manifest/encrypted-mounts.ts';
import { parseToml } from '../../src/manifest/toml/toml.ts';

function notesOn(manifest: string, startFiles: readonly string[] = []): readonly string[] {
  const { root } = parseToml(Buffer.from(manifest), 'test.manifest');
  return encryptedMountNotes(root, startFiles.map(imagePath));
}

function encrypted(path: string, keyName?: string): string {
  const key = keyName === undefined ? '' : `key_name = "${keyName}"`;
  return `[[fs.mounts]]\ntype = "encrypted"\npath = "${path}"\nuri = "file:${path}"\n${key}\n`;
}

test.each<[string, string, string]>([
  ['the default key', encrypted('/data'), '"default"'],
  ['a key of another name', encrypted('/data', 'k'), '"k"'],
  ['a key that is not the one given', `fs.insecure__keys.other = "00"\n${encrypted('/data', 'k')}`, '"k"'],
  ['no attestation', `sgx.remote_attestation = "none"\n${encrypted('/data')}`, '"default"'],
])('an encrypted mount whose key nothing brings is reported: %s', (_, manifest, key) => {
  expect(notesOn(manifest)).toEqual([
    expect.stringContaining(`encrypted /data: nothing in the manifest provides the key ${key}`),
  ]);
});

test.each<[string, string]>([
  ['the manifest', `fs.insecure__keys.k = "00"\n${encrypted('/data', 'k')}`],
  ['an old manifest', `sgx.insecure__protected_files_key = "00"\n${encrypted('/data')}`],
  ['attestation', `sgx.remote_attestation = "dcap"\n${encrypted('/data')}`],
  ['the processor', encrypted('/data', '_sgx_mrsigner')],
])('nothing is reported for a key that comes from %s', (_, manifest) => {
  expect(notesOn(manifest)).toEqual([]);
});

test('what the start needs and is in an encrypted mount is reported', () => {
  const manifest = encrypted('/opt', '_sgx_mrenclave');
  expect(notesOn(manifest, ['/opt/app', '/bin/sh'])).toEqual([
    expect.stringMatching(/^\/opt\/app is needed/),
  ]);
});
