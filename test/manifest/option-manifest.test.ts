import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import {
  choiceRisks,
  type ManifestChoices,
  optionManifest,
  settleChoices,
} from '../../src/manifest/option-manifest.ts';
import { serializeManifest } from '../../src/manifest/toml/serialize.ts';
import { parseToml, showPath } from '../../src/manifest/toml/toml.ts';

const none: ManifestChoices = { volumes: [], secrets: [], environment: [] };
const scratch = ['/run', '/tmp', '/var/tmp'].map(imagePath);
const [data, run] = [imagePath('/data'), imagePath('/run/x')];

function written(choices: Partial<ManifestChoices>): string {
  return serializeManifest(optionManifest({ ...none, ...choices }, scratch));
}

describe('the manifest of options', () => {
  test('is empty without choices', () => {
    expect(written({})).toBe('');
  });

  test('has a mount for a tmpfs', () => {
    expect(written({ volumes: [{ path: data, use: { kind: 'tmpfs' } }] })).toBe(
      '[fs]\nmounts = [\n    { type = "tmpfs", path = "/data" },\n]\n',
    );
  });

  test('has a mount with its key for an encrypted volume, and without one for the default key', () => {
    const volumes = [
      { path: data, use: { kind: 'encrypted', keyName: '_sgx_mrsigner' } },
      { path: imagePath('/x y'), use: { kind: 'encrypted' } },
    ] as const;
    expect(written({ volumes })).toBe(
      '[fs]\nmounts = [\n    { type = "encrypted", path = "/data", uri = "file:/data", key_name = "_sgx_mrsigner" },\n    { type = "encrypted", path = "/x y", uri = "file:/x y" },\n]\n',
    );
  });

  test('has an allowed file for an allowed volume, and no mount', () => {
    expect(written({ volumes: [{ path: data, use: { kind: 'allowed' } }] })).toBe(
      '[sgx]\nallowed_files = [\n    "file:/data",\n]\n',
    );
  });

  test('mounts what is allowed below a tmpfs, which would hide it', () => {
    expect(written({ volumes: [{ path: run, use: { kind: 'allowed' } }] })).toBe(
      '[fs]\nmounts = [\n    { type = "chroot", path = "/run/x", uri = "file:/run/x" },\n]\n\n[sgx]\nallowed_files = [\n    "file:/run/x",\n]\n',
    );
    expect(written({ volumes: [{ path: imagePath('/runner'), use: { kind: 'allowed' } }] })).not.toContain(
      'chroot',
    );
  });

  test('lets a secret in like an allowed file', () => {
    const text = written({ secrets: [{ name: 'key', path: imagePath('/run/secrets/key') }] });
    expect(text).toContain('{ type = "chroot", path = "/run/secrets/key", uri = "file:/run/secrets/key" }');
    expect(text).toContain('allowed_files = [\n    "file:/run/secrets/key",\n]');
    expect(written({ secrets: [{ name: 'key', path: imagePath('/etc/key') }] })).not.toContain('mounts');
  });

  test('has variables with their values, empty and with newlines too, and passes others through', () => {
    const environment = [
      { kind: 'value', name: 'A', value: '' },
      { kind: 'value', name: 'B.C', value: 'x\ny=z' },
      { kind: 'passthrough', name: 'LANG' },
    ] as const;
    expect(written({ environment })).toBe(
      '[loader.env]\nA = ""\n"B.C" = "x\\ny=z"\n\n[loader.env.LANG]\npassthrough = true\n',
    );
  });
});

describe('against a manifest of the user', () => {
  const choices: ManifestChoices = {
    ...none,
    volumes: [
      { path: data, use: { kind: 'encrypted', keyName: 'k' } },
      { path: run, use: { kind: 'tmpfs' } },
    ],
    secrets: [{ name: 's', path: imagePath('/run/secrets/s') }],
  };
  const settled = (text: string) => {
    const result = settleChoices(choices, parseToml(text, 'm').root);
    return {
      left: [...result.choices.volumes, ...result.choices.secrets].map(({ path }) => path),
      overrides: result.overrides.map(({ path, user, own }) => [showPath(path), user, own]),
    };
  };

  test('choices of other places stay', () => {
    const text =
      'fs.mounts = [{ path = "/data/x", uri = "file:/y" }, "?"]\nsgx.allowed_files = ["dev:tty", 1]';
    expect(settled(text)).toEqual({ left: ['/data', '/run/x', '/run/secrets/s'], overrides: [] });
    expect(settled('fs = 1\nsgx.allowed_files = true').overrides).toEqual([]);
  });

  test('a mount of the user on the same place wins, however it is written, with a note', () => {
    expect(settled('fs.mounts = [{ type = "tmpfs", path = "/data/" }]')).toEqual({
      left: ['/run/x', '/run/secrets/s'],
      overrides: [['fs.mounts[0]', '{ type = "tmpfs", path = "/data/" }', '--volume /data=encrypted:k']],
    });
  });

  test('an allowed file of the user on the same place wins', () => {
    const { left, overrides } = settled('sgx.allowed_files = ["file:/run/x", "file:/run/secrets/s"]');
    expect(left).toEqual(['/data']);
    expect(overrides.map(([, , own]) => own)).toEqual(['--volume /run/x=tmpfs', '--secret s']);
  });
});

test('what is unprotected is a risk that names the option and its place', () => {
  const volumes = [
    { path: data, use: { kind: 'allowed' } },
    { path: run, use: { kind: 'encrypted' } },
  ] as const;
  const risks = choiceRisks({ ...none, volumes, secrets: [{ name: 's', path: imagePath('/etc/s') }] });
  expect(risks).toHaveLength(2);
  expect(risks[0]).toMatch(/^insecure: --volume \/data=allowed: /);
  expect(risks[1]).toMatch(/^insecure: --secret s: .*\/etc\/s/);
});
