import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, vi } from 'vitest';
import { shells } from '../../../src/cli/completion/shell-scripts.ts';
import { bundledGsc } from '../../support/cli/gsc.ts';
import { openShell } from '../../support/cli/shell-session.ts';
import { softTokens, tokenTools } from '../../support/key/soft-token.ts';
import { openssl } from '../../support/signature/keys.ts';
import { testWithTool } from '../../support/tool.ts';

vi.setConfig({ testTimeout: 120_000 });

const directory = mkdtempSync(join(tmpdir(), 'gsc-shells-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
mkdirSync(join(directory, 'my layouts', 'shop'), { recursive: true });
mkdirSync(join(directory, 'work'));
const layout = join(directory, 'work', 'layout');
mkdirSync(layout);
writeFileSync(join(directory, 'work', 'enclave-key.pem'), '');
const entry = (tag: string) => ({
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: `sha256:${'0'.repeat(64)}`,
  size: 2,
  annotations: { 'org.opencontainers.image.ref.name': tag },
});
const index = { schemaVersion: 2, manifests: [entry('stable'), entry('latest-1.0')] };
writeFileSync(join(layout, 'index.json'), JSON.stringify(index));

/** Keys, and the words with which gsc is called after them. */
const rows: readonly (readonly [rule: string, keys: string, words: readonly string[]])[] = [
  ['a command, with a blank after it', 'gsc sign-i\tx', ['sign-image', 'x']],
  ['an option and its choice', 'gsc build --lib\timag\tx', ['build', '--libc', 'image', 'x']],
  ['a choice after =', 'gsc build --trust-level=le\tx', ['build', '--trust-level=lean', 'x']],
  ['a preset', 'gsc init --preset pyto\tx', ['init', '--preset', 'pytorch', 'x']],
  ['a transport, without a blank', 'gsc info-image docker-d\tx', ['info-image', 'docker-daemon:x']],
  [
    'a directory after a transport, and a tag in it',
    'gsc info-image oci:work/lay\t\b:sta\tx',
    ['info-image', 'oci:work/layout:stable', 'x'],
  ],
  ['a file', 'gsc build --key work/encl\tx', ['build', '--key', 'work/enclave-key.pem', 'x']],
  ['a name with a blank', 'gsc explain oci:my\tsh\tx', ['explain', 'oci:my layouts/shop/x']],
  [
    'what an enclave does with a place',
    'gsc build --volume /data=enc\tx',
    ['build', '--volume', '/data=encrypted', 'x'],
  ],
  ['a fleet in the place of an image', 'gsc kubernetes fle\tx', ['kubernetes', 'fleet', 'x']],
  [
    'an option of a fleet',
    'gsc kubernetes fleet --worker\tx',
    ['kubernetes', 'fleet', '--worker-image', 'x'],
  ],
  ['nothing where nothing is known', 'gsc build --cmd \tx', ['build', '--cmd', 'x']],
];

describe.each(shells)('%s completes', (shell) => {
  testWithTool(`${shell} script`, 'each kind of word, as the keyboard has it', async () => {
    const session = await openShell(shell, { directory, bundle: await bundledGsc() });
    try {
      for (const [rule, keys, words] of rows) expect(await session.type(keys), rule).toEqual(words);
    } finally {
      await session.close();
    }
  });

  testWithTool(
    `${shell} script ${tokenTools}`,
    'a key on a token, whose URI has characters of the shell',
    async () => {
      const tokens = softTokens(directory);
      const label = `shop-${shell}`;
      tokens.init(label);
      const pem = openssl(['genrsa', '-3', '-out', 'out', '3072']);
      tokens.importKey(label, { pem, label: 'enclave key', id: '01' });
      const env = { ...tokens.env, PKCS11_MODULE_PATH: tokens.module };
      const session = await openShell(shell, { directory, bundle: await bundledGsc(), env });
      try {
        const uri = `pkcs11:token=${label};object=enclave%20key`;
        expect(await session.type(`gsc build --key pkcs11:token=${label}\\;\tx`)).toEqual([
          'build',
          '--key',
          uri,
          'x',
        ]);
      } finally {
        await session.close();
      }
    },
  );
});
