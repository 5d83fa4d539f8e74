import { describe, expect, test } from 'vitest';
import type { RunConfig } from '../../src/image/config.ts';
import { CompleteManifest } from '../../src/manifest/complete-manifest.ts';
import { parseManifest } from '../../src/manifest/parse-manifest.ts';
import { valueAt } from '../../src/manifest/toml/toml.ts';
import type { GrapheneRelease } from '../../src/runtime/version.ts';
import { measureImage } from '../../src/sign/unsigned-enclave.ts';
import { appImage, glibcProgram, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, type Wishes } from '../support/graminized/graminized.ts';
import { grapheneRuntime } from '../support/runtime/make-graphene.ts';
import type { MadeEntry } from '../support/scan/made-layers.ts';

const shell: readonly MadeEntry[] = [staticProgram('bin/sh')];

async function graminized(
  release: GrapheneRelease,
  run: RunConfig,
  more: readonly MadeEntry[] = [],
  wishes: Wishes = {},
) {
  const app = await appImage([[...glibcProgram('opt/app'), ...shell, ...more]], run);
  const runtime = await grapheneRuntime(release);
  const result = await graminizeApp(app, { ...wishes, runtime });
  return { ...result, text: result.manifest.bytes.toString('latin1') };
}

const run: RunConfig = { Cmd: ['/opt/app', 'two words'], WorkingDir: '/data' };

describe('the release is found in the files', () => {
  test.each(['f51aafddf', '1.1', '1.2-rc1'] as const)('%s', async (release) => {
    const runtime = await grapheneRuntime(release);
    expect(runtime.version).toMatchObject({ family: 'graphene', release });
    expect(runtime.files.map(({ path }) => path)).toContain('/graphene/Runtime/pal-Linux-SGX');
    expect(runtime.warnings.join()).toMatch(/no .*get-token.*: images cannot make launch tokens themselves/);
  });
});

describe('the manifest', () => {
  test.each(['f51aafddf', '1.1'] as const)('is lines for %s', async (release) => {
    const { text } = await graminized(release, run);
    expect(text).toMatch(/^loader\.exec = file:\/opt\/app$/m);
    expect(text).toMatch(/^sgx\.static_address = 1$/m);
    expect(text).toMatch(/^sgx\.debug = 0$/m);
    expect(text).toMatch(/^loader\.argv_src_file = file:\/data\/trusted_argv$/m);
    expect(text).toMatch(/^sgx\.trusted_files\.\w+ = file:\/opt\/app$/m);
    expect(text).toMatch(/^sgx\.trusted_checksum\.\w+ = [0-9a-f]{64}$/m);
    expect(text).not.toContain('loader.uid');
  });

  test('is TOML for 1.2-rc1', async () => {
    const { text } = await graminized('1.2-rc1', run);
    const { root } = parseManifest(text, 't');
    expect(valueAt(root, ['libos', 'entrypoint'])).toBe('/opt/app');
    expect(valueAt(root, ['sgx', 'nonpie_binary'])).toBe(true);
    expect(text).toContain('"file:/opt/app"');
  });

  test.each(['f51aafddf', '1.1', '1.2-rc1'] as const)('takes the keys of a user, %s', async (release) => {
    const lines = 'sgx.enclave_size = 512M\nsgx.thread_num = 8 # eight\nsgx.allowed_files.x = file:/x\n';
    const toml = 'sgx.enclave_size = "512M"\nsgx.max_threads = 8\nsgx.allowed_files = ["file:/x"]\n';
    const [one, other] = [
      await graminized(release, run, [], { manifest: lines }),
      await graminized(release, run, [], { manifest: toml }),
    ];
    expect(one.text).toMatch(/enclave_size = "?512M"?/);
    expect(one.text).toMatch(/thread_num = 8$/m);
    expect(one.text).toMatch(/file:\/x\b/);
    expect(other.text.match(/thread_num.*/)?.[0]).toBe(one.text.match(/thread_num.*/)?.[0]);
  });

  test('the same input gives the same bytes', async () => {
    const [one, two] = [await graminized('1.1', run), await graminized('1.1', run)];
    expect(one.image.layers.map((layer) => layer.diffId)).toEqual(
      two.image.layers.map((layer) => layer.diffId),
    );
  });

  test('names and values that lines cannot hold are left out and reported', async () => {
    const more: MadeEntry[] = [['opt/a#b', 'x']];
    const { text, warnings } = await graminized('1.1', { ...run, Env: ['A=x#y', 'B=z'] }, more);
    expect(text).not.toContain('a#b');
    expect(text).toMatch(/^loader\.env\.B = z$/m);
    expect(text).not.toMatch(/^loader\.env\.A/m);
    expect(warnings.join('\n')).toMatch(/a#b/);
    expect(warnings.join('\n')).toMatch(/loader\.env, .*"A"/);
  });

  test('a program that lines cannot hold is an error', async () => {
    await expect(graminized('1.1', { Cmd: ['/opt/#1'] }, [staticProgram('opt/#1')])).rejects.toThrow('#');
  });

  test.each(['1.1', '1.2-rc1'] as const)('a key that %s does not have is an error', async (release) => {
    const manifest = 'sgx.edmm_enable = true\n';
    await expect(graminized(release, run, [], { manifest })).rejects.toThrow('sgx.edmm_enable');
  });
});

describe.each(['f51aafddf', '1.1', '1.2-rc1'] as const)('keys that whoever signs decides, %s', (release) => {
  const choices = { isvProdId: 3, isvSvn: 9, isDebug: true };

  test('change in the text that is measured, and nothing else does', async () => {
    const made = await graminized(release, run);
    const [plain, chosen] = [await measureImage(made), await measureImage(made, { overrides: choices })];
    const linesOf = ({ enclave }: typeof plain) => enclave.manifest.bytes.toString('utf8').split('\n');
    const before = new Set(linesOf(plain));
    const added = linesOf(chosen).filter((line) => !before.has(line));
    const isOld = release !== '1.2-rc1';
    const prefix = isOld ? 'sgx.' : '';
    expect(added).toEqual(
      expect.arrayContaining([
        `${prefix}isvprodid = 3`,
        `${prefix}isvsvn = 9`,
        `${prefix}debug = ${isOld ? 1 : true}`,
      ]),
    );
    expect(added).toHaveLength(3);
    expect(linesOf(chosen).join('\n')).toMatch(/preload = "?file:\/graphene\/Runtime\/libsysdb\.so"?$/m);
    expect(linesOf(chosen)).toHaveLength(linesOf(plain).length);
    expect(chosen.measured.settings).toMatchObject(choices);
  });

  test('leave the image with the library OS that the manifest has a hash of', async () => {
    const made = await graminized(release, run);
    const { enclave } = await measureImage(made, { overrides: choices });
    const version = { family: 'graphene', text: release, release } as const;
    const { root } = CompleteManifest.parse(enclave.manifest.bytes, 'signed', version);
    expect(valueAt(root, ['loader', 'entrypoint', 'uri'])).toBe('file:/graphene/Runtime/libsysdb.so');
    expect(valueAt(root, ['loader', 'entrypoint', 'sha256'])).toMatch(/^[0-9a-f]{64}$/);
  });
});

test.each(['f51aafddf', '1.1'] as const)('enclaves of different sizes are an error, %s', async (release) => {
  const childManifests = [parseManifest('sgx.enclave_size = 512M\n', 'sh.manifest')];
  await expect(graminized(release, run, [], { childManifests })).rejects.toThrow(
    'sh.manifest: expected sgx.enclave_size = 256M, as the first manifest has it, got 512M',
  );
  const same = 'sgx.enclave_size = 512M\n';
  const { plans } = await graminized(release, run, [], { childManifests, manifest: same });
  expect(plans).toHaveLength(2);
});

describe('the start', () => {
  test.each([
    ['f51aafddf', '/data/apploader.sh'],
    ['1.1', '/data/apploader.sh'],
    ['1.2-rc1', '/apploader.sh'],
  ] as const)('of %s is apploader.sh', async (release, path) => {
    const { image } = await graminized(release, run);
    expect(image.config.config?.Entrypoint).toEqual(['/bin/sh', path]);
  });

  test.each(['f51aafddf', '1.1', '1.2-rc1'] as const)(
    '%s starts the interpreter of a script',
    async (release) => {
      const script: MadeEntry = ['opt/run', '#!/bin/sh -e\n', 0o755];
      const { text, warnings } = await graminized(release, { Entrypoint: ['/opt/run'], Cmd: ['x'] }, [
        script,
      ]);
      expect(text).toContain('file:/bin/sh');
      expect(warnings.join('\n')).toMatch(
        /\/opt\/run is a script.*its interpreter \/bin\/sh starts, with -e \/opt\/run/,
      );
    },
  );

  test('an image without a shell starts the loader, and needs tokens', async () => {
    const app = await appImage([[staticProgram('app')]], { Cmd: ['/app'] });
    const { image, notes } = await graminizeApp(app, { runtime: await grapheneRuntime('1.1') });
    expect(image.config.config?.Entrypoint).toEqual([
      '/graphene/Runtime/pal-Linux-SGX',
      'init',
      'app.manifest.sgx',
    ]);
    expect(notes.join('\n')).toContain('app.token');
  });
});

test('several manifests are an error for a release with one for all', async () => {
  const childManifests = [parseManifest('sgx.thread_num = 4\n', 'ls.manifest')];
  await expect(graminized('1.2-rc1', run, [], { childManifests })).rejects.toThrow(
    'expected one manifest, got several',
  );
});
