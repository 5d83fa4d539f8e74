import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import type { BuildChoices } from '../../src/graminize/build-options.ts';
import { noChoices } from '../../src/graminize/build-options.ts';
import { traceVariant } from '../../src/graminize/trace-variant.ts';
import type { RunConfig } from '../../src/image/config.ts';
import { parseToml } from '../../src/manifest/toml/toml.ts';
import { appImage, glibcProgram, staticProgram } from '../support/graminized/app-image.ts';
import {
  entriesOf,
  fileIn,
  graminizeApp,
  manifestIn,
  type Wishes,
} from '../support/graminized/graminized.ts';
import { makeElf } from '../support/runtime/make-elf.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';
import { attestingRuntime, ownLibraries, raTlsElf } from '../support/user-manifest/attesting-runtime.ts';

const raTls = (certificate = '/run/tls/cert.pem', key = '/run/tls/key.pem') => ({
  raTls: { certificate: imagePath(certificate), key: imagePath(key) },
});
const brokers = { secretBrokers: { servers: ['kb.example.com:4433'], authorities: Buffer.from('PEM\n') } };

interface Made extends Omit<Wishes, 'choices'> {
  readonly entries?: readonly MadeEntry[];
  readonly run?: RunConfig;
  readonly choices: Partial<BuildChoices>;
}

async function build({
  entries = glibcProgram(),
  run = { Cmd: ['/app', '-c', 'x'] },
  choices,
  ...more
}: Made) {
  const runtime = more.runtime ?? (await attestingRuntime());
  const made = await graminizeApp(await appImage([entries], run), {
    libc: 'auto',
    ...more,
    runtime,
    choices: { ...noChoices, ...choices },
  });
  return { ...made, toml: await manifestIn(made.image) };
}

const mountsBelow = (toml: Awaited<ReturnType<typeof build>>['toml'], pattern: RegExp) =>
  toml.fs.mounts
    .filter(({ path }) => pattern.test(path))
    .map(({ type, path, uri }) => `${type} ${path}${uri ? ` ${uri}` : ''}`);

const muslProgram: readonly MadeEntry[] = [
  ['lib/ld-musl-x86_64.so.1', makeElf({ soname: 'ld-musl-x86_64.so.1' }), 0o755],
  ['app', makeElf({ interpreter: '/lib/ld-musl-x86_64.so.1' }), 0o755],
];

describe('--ratls', () => {
  test('starts by the program of the runtime, which is trusted, in the runtime layer, and may be executed', async () => {
    const { toml, image } = await build({ choices: raTls() });
    expect(toml.libos.entrypoint).toBe('/gramine/runtime/gramine-ratls');
    expect(toml.loader.argv).toEqual([
      ...['gramine-ratls', '--', '/run/tls/cert.pem', '/run/tls/key.pem', '/app', '-c', 'x'],
    ]);
    expect(toml.sgx.remote_attestation).toBe('dcap');
    const uris = toml.sgx.trusted_files.map(({ uri }) => uri);
    expect(uris).toEqual(expect.arrayContaining(['file:/gramine/runtime/gramine-ratls', 'file:/app']));
    const [program] = (await entriesOf(image.layers[1])).filter(({ name }) => name.endsWith('gramine-ratls'));
    expect(program).toMatchObject({ mode: 0o755, content: raTlsElf });
  });

  test('an image that does not ask for it has no such program', async () => {
    const { toml, image } = await build({ choices: {} });
    expect((await entriesOf(image.layers[1])).map(({ name }) => name)).not.toContain(
      'gramine/runtime/gramine-ratls',
    );
    expect(toml.sgx.remote_attestation).toBe('none');
  });

  test.each<[string, readonly MadeEntry[], string]>([
    ['glibc', glibcProgram(), `${ownLibraries}:/usr/lib/x86_64-linux-gnu:/usr/lib64`],
    ['musl, last, as the application has its own', muslProgram, `/lib:${ownLibraries}`],
    ['a static program, for what it starts', [staticProgram()], `${ownLibraries}:/lib:/lib64`],
  ])('its libraries are found and trusted: %s', async (_, entries, path) => {
    const { toml } = await build({ entries, choices: raTls() });
    const { LD_LIBRARY_PATH } = toml.loader.env as { readonly LD_LIBRARY_PATH: string };
    expect(LD_LIBRARY_PATH).toContain(ownLibraries);
    expect(LD_LIBRARY_PATH.split(':')).toEqual(expect.arrayContaining(path.split(':')));
    expect(LD_LIBRARY_PATH.indexOf(ownLibraries)).toBe(path.indexOf(ownLibraries));
    expect(toml.sgx.trusted_files.map(({ uri }) => uri)).toContain(
      `file:${ownLibraries}/libra_tls_attest.so`,
    );
  });

  test('with the own glibc of the image that comes first', async () => {
    const { toml } = await build({ choices: raTls(), libc: 'image' });
    expect(toml.loader.env.LD_LIBRARY_PATH).toMatch(new RegExp(`:${ownLibraries}$`));
  });

  test('DER is asked for with -D, and a link to another name stays the name of the program', async () => {
    const entries = [
      ['bin/busybox', makeElf({}), 0o755],
      ['bin/httpd', { link: 'busybox' }],
    ] as const;
    const choices = { raTls: { ...raTls().raTls, format: 'der' as const } };
    const { toml } = await build({ entries, run: { Cmd: ['httpd', '-f'] }, choices });
    expect(toml.loader.argv?.slice(0, 2)).toEqual(['gramine-ratls', '-D']);
    expect(toml.loader.argv?.slice(-2)).toEqual(['/bin/httpd', '-f']);
  });

  test('a directory of its own becomes a tmpfs: on top of the one above it, and once for both files', async () => {
    const { toml } = await build({ choices: raTls() });
    expect(mountsBelow(toml, /^\/run/)).toEqual(['tmpfs /run', 'tmpfs /run/tls']);
    const others = await build({ choices: raTls('/srv/a/cert', '/tmp/key') });
    expect(mountsBelow(others.toml, /^\/(?:srv|tmp)/)).toEqual(['tmpfs /srv/a', 'tmpfs /tmp']);
  });

  test('what the image has beside the files is mounted on top, links by their targets, and a note says so', async () => {
    const entries: readonly MadeEntry[] = [
      ...glibcProgram(),
      ['etc/nginx/nginx.conf', 'x'],
      ['etc/nginx/conf.d/site', 'y'],
      ['etc/nginx/cert.pem', 'a certificate to be replaced'],
      ['etc/nginx/mime', { link: '../mime.types' }],
      ['etc/mime.types', 'z'],
      ['etc/nginx/empty', null],
    ];
    const { toml, notes } = await build({ entries, choices: raTls('/etc/nginx/cert.pem', '/run/key.pem') });
    expect(mountsBelow(toml, /^\/etc\/nginx|^\/run/)).toEqual([
      'tmpfs /etc/nginx',
      'chroot /etc/nginx/conf.d file:/etc/nginx/conf.d',
      'chroot /etc/nginx/mime file:/etc/mime.types',
      'chroot /etc/nginx/nginx.conf file:/etc/nginx/nginx.conf',
      'tmpfs /run',
    ]);
    expect(notes).toContainEqual(
      expect.stringMatching(/^\/etc\/nginx is a tmpfs .*: conf\.d, mime, nginx\.conf$/),
    );
  });

  test.each<[string, Partial<BuildChoices>]>([
    ['a tmpfs', { volumes: [{ path: imagePath('/keys'), use: { kind: 'tmpfs' } }] }],
    ['an encrypted mount', { volumes: [{ path: imagePath('/keys'), use: { kind: 'encrypted' } }] }],
  ])('directly in %s of the user nothing more is mounted', async (_, choices) => {
    const { toml } = await build({ choices: { ...choices, ...raTls('/keys/c', '/keys/k') } });
    expect(mountsBelow(toml, /^\/keys/)).toHaveLength(1);
  });

  test.each([
    ['bin/sh', true],
    ['usr/bin/tini', true],
    ['usr/sbin/nginx', false],
  ])('only the first process sees a tmpfs; told of %s: %s', async (program, isTold) => {
    const made = { entries: [staticProgram(program)], run: { Cmd: [`/${program}`, '-c', 'x'] } };
    const { notes } = await build({ ...made, choices: raTls() });
    expect(/--ratls: only the process that starts first/.test(notes.join())).toBe(isTold);
  });

  const many = Array.from({ length: 65 }, (_, index): MadeEntry => [`etc/app/${index}`, 'x']);
  test.each<[string, Made, RegExp]>([
    ['the root', { choices: raTls('/cert') }, /--ratls \/: the root cannot be a tmpfs/],
    ['the files of the engine', { choices: raTls('/etc/cert') }, /--ratls \/etc: .*\/etc\/hosts/],
    ['a directory', { choices: raTls('/usr/lib64') }, /--ratls \/usr\/lib64: expected the name of a file/],
    ['a scratch place itself', { choices: raTls('/tmp') }, /--ratls \/tmp: expected the name of a file/],
    ['below a file', { choices: raTls('/app/cert') }, /--ratls \/app: it is a file/],
    [
      'too many names beside it',
      { entries: [...glibcProgram(), ...many], choices: raTls('/etc/app/cert') },
      /--ratls \/etc\/app: .* 65 names there, more than the 64/,
    ],
    [
      'a mount of the host',
      {
        manifest: 'fs.mounts = [{ path = "/keys", uri = "file:/usr" }]',
        choices: raTls('/keys/cert', '/keys/key'),
      },
      /--ratls \/keys\/cert: the host has what is at \/keys \(chroot\), and would get the key/,
    ],
    [
      'deeper in an encrypted mount',
      {
        choices: {
          ...raTls('/keys/a/cert'),
          volumes: [{ path: imagePath('/keys'), use: { kind: 'encrypted' } }],
        },
      },
      /--ratls \/keys\/a\/cert: only directly in the encrypted mount \/keys/,
    ],
  ])('refuses a place: %s', async (_, made, message) => {
    await expect(build(made)).rejects.toThrow(message);
  });

  test.each<[string, Partial<Wishes>, string, RegExp]>([
    [
      'another program',
      { manifest: 'libos.entrypoint = "/app"' },
      'manifest',
      /:1:7: libos\.entrypoint: not allowed with --ratls/,
    ],
    [
      'arguments',
      { manifest: 'loader.argv = ["a"]' },
      'manifest',
      /:1:8: loader\.argv: not allowed with --ratls/,
    ],
    [
      'arguments in a file',
      { manifest: 'loader.argv_src_file = "file:/a"' },
      'manifest',
      /loader\.argv_src_file/,
    ],
    [
      'arguments of the host',
      { insecureArguments: true },
      'usage',
      /--ratls: the arguments come from the host/,
    ],
    [
      'no attestation',
      { manifest: 'sgx.remote_attestation = "none"' },
      'manifest',
      /expected "dcap".*got "none"/,
    ],
  ])('refuses a start that it cannot be: %s', async (_, wishes, code, message) => {
    const built = build({ ...wishes, choices: raTls() });
    await expect(built).rejects.toThrow(message);
    await expect(built).rejects.toMatchObject({ code });
  });

  test('the manifest may say dcap itself', async () => {
    const { toml } = await build({ manifest: 'sgx.remote_attestation = "dcap"', choices: raTls() });
    expect(toml.sgx.remote_attestation).toBe('dcap');
  });

  test.each([
    ['the program', { '/usr/bin/gramine-ratls': { link: '/nowhere' } }, /the runtime lacks gramine-ratls/],
    [
      'one of its libraries',
      { '/usr/lib/x86_64-linux-gnu/gramine/runtime/glibc/libra_tls_attest.so': { link: '/nowhere' } },
      /the runtime lacks libra_tls_attest\.so, which gramine-ratls needs/,
    ],
    [
      'its C library',
      { '/usr/bin/gramine-ratls': makeElf({ interpreter: '/lib/ld-musl-x86_64.so.1' }) },
      /the runtime lacks musl, which gramine-ratls needs/,
    ],
  ])('refuses a runtime that lacks %s', async (_, more, message) => {
    const built = build({ runtime: await attestingRuntime(more), choices: raTls() });
    await expect(built).rejects.toThrow(message);
  });
});

describe('--secret-from', () => {
  test('tells the client library where to ask and whom to believe, and puts both into the image', async () => {
    const { toml, image } = await build({ choices: brokers });
    expect(toml.loader.env).toMatchObject({
      LD_PRELOAD: `${ownLibraries}/libsecret_prov_attest.so`,
      SECRET_PROVISION_CONSTRUCTOR: '1',
      SECRET_PROVISION_SERVERS: 'kb.example.com:4433',
      SECRET_PROVISION_CA_CHAIN_PATH: '/gramine/app_files/secret-prov-ca.pem',
    });
    expect(toml.loader.env).not.toHaveProperty('SECRET_PROVISION_SET_KEY');
    expect(toml.sgx.remote_attestation).toBe('dcap');
    expect(toml.libos.entrypoint).toBe('/app');
    expect((await fileIn(image, '/gramine/app_files/secret-prov-ca.pem'))?.toString()).toBe('PEM\n');
    expect(toml.sgx.trusted_files.map(({ uri }) => uri)).toEqual(
      expect.arrayContaining([
        'file:/gramine/app_files/secret-prov-ca.pem',
        `file:${ownLibraries}/libsecret_prov_attest.so`,
      ]),
    );
  });

  test('several servers stand in one list, and a library that the image preloads stays', async () => {
    const secretBrokers = { ...brokers.secretBrokers, servers: ['a:1', 'b:2'] };
    const entries = [...glibcProgram(), ['usr/lib/own.so', makeElf({}), 0o644]] as const;
    const run = { Cmd: ['/app'], Env: ['LD_PRELOAD=/usr/lib/own.so'] };
    const { toml } = await build({ entries, run, choices: { secretBrokers } });
    expect(toml.loader.env).toMatchObject({
      SECRET_PROVISION_SERVERS: 'a:1;b:2',
      LD_PRELOAD: `${ownLibraries}/libsecret_prov_attest.so:/usr/lib/own.so`,
    });
  });

  const encrypted = (path: string, keyName?: string) => ({
    path: imagePath(path),
    use: { kind: 'encrypted' as const, ...(keyName && { keyName }) },
  });

  test.each([
    ['default', [encrypted('/data')]],
    ['wrap', [encrypted('/own', '_sgx_mrenclave'), encrypted('/data', 'wrap'), encrypted('/b', 'wrap')]],
  ])('the secret becomes the key %s of the encrypted mounts', async (key, volumes) => {
    const { toml, notes } = await build({ choices: { ...brokers, volumes } });
    expect(toml.loader.env.SECRET_PROVISION_SET_KEY).toBe(key);
    expect(notes.join()).not.toMatch(/key broker/);
  });

  test('a mount whose key the broker does not deliver is told', async () => {
    const volumes = [encrypted('/a', 'one'), encrypted('/b', 'two')];
    const { toml, notes } = await build({ choices: { ...brokers, volumes } });
    expect(toml.loader.env.SECRET_PROVISION_SET_KEY).toBe('one');
    expect(notes).toContainEqual(
      expect.stringMatching(
        /^encrypted \/b: the key broker does not deliver the key "two": .*one key, "one"/,
      ),
    );
  });

  test.each([
    ['other', /^SECRET_PROVISION_SET_KEY: .*"other", but no mount is encrypted with it/],
    ['_sgx_mrsigner', /^SECRET_PROVISION_SET_KEY: .*"_sgx_mrsigner", which the processor derives/],
  ])("the user's own name of the key wins, and is checked: %s", async (name, note) => {
    const manifest = `loader.env.SECRET_PROVISION_SET_KEY = "${name}"`;
    const { notes, overrides } = await build({
      manifest,
      choices: { ...brokers, volumes: [encrypted('/a', 'one')] },
    });
    expect(notes).toContainEqual(expect.stringMatching(note));
    expect(notes).toContainEqual(
      expect.stringMatching(/^encrypted \/a: the key broker does not deliver the key "one"/),
    );
    expect(overrides.map(({ path }) => path.join('.'))).toContain('loader.env.SECRET_PROVISION_SET_KEY');
  });

  test('without authorities of its own the client believes those of the image, which stay trusted', async () => {
    const bundle = 'etc/ssl/certs/ca-certificates.crt';
    const entries = [...glibcProgram(), [bundle, 'PEM\n']] as const;
    const choices = { secretBrokers: { servers: ['a:1'] } };
    const { toml } = await build({ entries, choices, exclude: [imagePath('/etc')] });
    expect(toml.loader.env.SECRET_PROVISION_CA_CHAIN_PATH).toBe(`/${bundle}`);
    expect(toml.sgx.trusted_files.map(({ uri }) => uri)).toContain(`file:/${bundle}`);
    await expect(build({ choices })).rejects.toThrow(/no certificate authorities \(\/etc\/ssl/);
  });

  test.each<[string, readonly MadeEntry[], Partial<BuildChoices>, RegExp]>([
    ['a static program', [staticProgram()], {}, /the program is static and loads no library/],
    ['musl', muslProgram, {}, /the runtime has no libsecret_prov_attest\.so for musl/],
    ['musl, by gramine-ratls for glibc', muslProgram, raTls(), /built for musl and gramine-ratls for glibc/],
  ])('refuses a program that the client cannot be loaded into: %s', async (_, entries, more, message) => {
    await expect(build({ entries, choices: { ...brokers, ...more } })).rejects.toThrow(message);
  });

  test('a static program gets its key through gramine-ratls', async () => {
    const { toml } = await build({ entries: [staticProgram()], choices: { ...brokers, ...raTls() } });
    expect(toml.loader.env.LD_PRELOAD).toBe(`${ownLibraries}/libsecret_prov_attest.so`);
    expect(toml.libos.entrypoint).toBe('/gramine/runtime/gramine-ratls');
  });

  test('refuses a manifest without DCAP', async () => {
    const manifest = 'sgx.remote_attestation = "none"';
    await expect(build({ manifest, choices: brokers })).rejects.toThrow(/expected "dcap" with --ratls/);
  });
});

test('the same choices give the same image, and parse again as a manifest', async () => {
  const choices = { ...brokers, ...raTls() };
  const [one, other] = [await build({ choices }), await build({ choices })];
  expect(one.image.configDescriptor.digest).toBe(other.image.configDescriptor.digest);
  expect(() => parseToml(one.manifest.bytes, 'x')).not.toThrow();
});

test('a traced run is without what attestation brings, and otherwise what a build would be', () => {
  const { choices } = traceVariant({ choices: { ...noChoices, ...brokers, ...raTls(), cmd: ['x'] } });
  expect(choices).toMatchObject({ cmd: ['x'] });
  expect(Object.keys(choices ?? {})).not.toEqual(expect.arrayContaining(['raTls']));
  expect(Object.keys(choices ?? {})).not.toEqual(expect.arrayContaining(['secretBrokers']));
});

test("a preload of the user's own manifest is not doubled", async () => {
  const manifest = 'loader.env.LD_PRELOAD = "/usr/lib/x86_64-linux-gnu/libsecret_prov_attest.so"';
  const { toml } = await build({ manifest, choices: brokers });
  expect(toml.loader.env.LD_PRELOAD).toBe(`${ownLibraries}/libsecret_prov_attest.so`);
});
