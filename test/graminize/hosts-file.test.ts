import { describe, expect, test } from 'vitest';
import { parseHost } from '../../src/cli/options/choice-values.ts';
import { noChoices } from '../../src/graminize/build-options.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { fileIn, graminizeApp, manifestIn, type Wishes } from '../support/graminized/graminized.ts';

const own = '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n';
const place = '/gramine/app_files/hosts';

async function built(content: string | undefined, wishes: Wishes = {}) {
  const hosts = content === undefined ? [] : ([['etc/hosts', content]] as const);
  const app = await appImage([[staticProgram(), ...hosts]], { Cmd: ['/app'] });
  const { image, overrides, notes } = await graminizeApp(app, wishes);
  const { fs, sgx } = await manifestIn(image);
  return {
    text: (await fileIn(image, place))?.toString('latin1'),
    mounts: fs.mounts.filter(({ path }) => path === '/etc/hosts'),
    trusted: sgx.trusted_files.filter(({ uri }) => uri.endsWith('hosts')).map(({ uri }) => uri),
    overrides,
    notes,
  };
}

const withHosts = (...hosts: readonly string[]): Wishes => ({
  choices: { ...noChoices, hosts: hosts.map(parseHost) },
});

describe('the hosts file of the application', () => {
  test('is trusted, mounted at /etc/hosts, and knows localhost', async () => {
    expect(await built(undefined)).toEqual({
      text: own,
      mounts: [{ type: 'chroot', path: '/etc/hosts', uri: `file:${place}` }],
      trusted: [`file:${place}`],
      overrides: [],
      notes: [],
    });
  });

  test.each([
    ['nothing new', '127.0.0.1\tlocalhost\n::1 LOCALHOST ip6-loopback\n', own],
    [
      'another name of a known address',
      '127.0.0.1 localhost me\n',
      own.replace('localhost\n', 'localhost me\n'),
    ],
    [
      'other addresses',
      '10.0.0.1 db db.example # the data\n\nfe80::1 six\n',
      `${own}10.0.0.1 db db.example\nfe80::1 six\n`,
    ],
    ['a last line without an end', '10.0.0.1 db', `${own}10.0.0.1 db\n`],
    ['lines that no C library reads', 'db 10.0.0.1\n# 10.0.0.1 x\n10.0.0.2\n', own],
    ['an empty file', '', own],
  ])("has the names of the image's own besides: %s", async (_, content, expected) => {
    expect((await built(content)).text).toBe(expected);
  });

  test('has the hosts that were asked for, whose addresses replace all others of these names', async () => {
    const content = '10.0.0.1 db cache\n';
    const { text } = await built(content, withHosts('db=10.0.0.9', 'db=::9', 'Localhost=127.0.0.2'));
    expect(text).toBe(
      '::1 ip6-localhost ip6-loopback\n10.0.0.1 cache\n10.0.0.9 db\n::9 db\n127.0.0.2 Localhost\n',
    );
  });

  test.each([
    ['a mount there', 'fs.mounts = [{ path = "/etc/hosts", uri = "file:/etc/hosts" }]'],
    ['another directory mounted above it', 'fs.mounts = [{ path = "/etc", uri = "file:/" }]'],
    ['a tmpfs above it', 'fs.mounts = [{ type = "tmpfs", path = "/etc" }]'],
    ['an allowed file', 'sgx.allowed_files = ["file:/etc/hosts"]'],
    ['an allowed directory above it', 'sgx.allowed_files = ["file:/etc/"]'],
    ['a trusted file', 'sgx.trusted_files = ["file:/etc/hosts"]'],
  ])("gives way to the manifest's own decision: %s", async (_, manifest) => {
    const { text, mounts, notes } = await built('10.0.0.1 db\n', { manifest, ...withHosts('a=1.2.3.4') });
    expect(text).toBeUndefined();
    expect(mounts.filter(({ uri }) => uri === `file:${place}`)).toEqual([]);
    expect(notes).toContainEqual(expect.stringMatching(/^--host a=1\.2\.3\.4: not used.*\/etc\/hosts/));
  });

  test('gives way to an option that decides there', async () => {
    const volumes = [{ path: '/etc/hosts', use: { kind: 'allowed' } }] as unknown as typeof noChoices.volumes;
    expect((await built(undefined, { choices: { ...noChoices, volumes } })).text).toBeUndefined();
  });

  test('stays where the manifest mounts a directory above it at its own name, or trusts one', async () => {
    const manifest = `fs.mounts = [{ path = "/etc", uri = "file:/etc" }]\nsgx.trusted_files = ["file:/etc/"]`;
    const { text, mounts } = await built('', { manifest });
    expect(text).toBe(own);
    expect(mounts).toHaveLength(1);
  });
});

describe('--host', () => {
  test.each([
    ['db=10.0.0.5', { name: 'db', address: '10.0.0.5' }],
    ['a.b-c_d=::1', { name: 'a.b-c_d', address: '::1' }],
  ])('%s', (text, expected) => {
    expect(parseHost(text)).toEqual(expected);
  });

  test.each(['', 'db', 'db=', '=10.0.0.5', 'db:10.0.0.5', 'a b=10.0.0.5', 'db=10.0.0', 'db=host-gateway'])(
    '%o is refused with an example',
    (text) => {
      expect(() => parseHost(text)).toThrow(
        expect.objectContaining({
          code: 'usage',
          subject: '--host',
          hint: expect.stringContaining('--host db'),
        }),
      );
    },
  );
});
