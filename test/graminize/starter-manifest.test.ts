import { describe, expect, test } from 'vitest';
import { imagePath } from '../../src/base/image-path.ts';
import { starterManifest } from '../../src/graminize/starter-manifest.ts';
import { presetFor, presetNames } from '../../src/manifest/preset/presets.ts';
import { checkManifest } from '../../src/manifest/schema/check.ts';
import { checkRuntimeRules } from '../../src/manifest/schema/runtime-rules.ts';
import { parseToml, valueAt } from '../../src/manifest/toml/toml.ts';
import { gramineReleases, parseRuntimeVersion } from '../../src/runtime/version.ts';
import { scanImage } from '../../src/scan/scan-image.ts';
import { findStart } from '../../src/start/container-process.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp, manifestIn } from '../support/graminized/graminized.ts';

const volumes = ['/data', '/quote"d\\', '/new\nline'].map(imagePath);

async function made(preset: string, release = '1.9', argv = ['/app', 'two words', 'new\nline\u007f']) {
  const app = await appImage([[staticProgram()]], { Entrypoint: argv });
  const start = findStart(app.config, (await scanImage(app)).tree, 'test');
  const version = parseRuntimeVersion(release);
  const applied = presetFor(preset, start, { user: undefined, version });
  const given = { start, version, volumes, ...(applied && { preset: applied }) };
  return { app, version, text: starterManifest({ appName: 'oci:x\ny', ...given }) };
}

describe('a first manifest', () => {
  test.each(presetNames.flatMap((preset) => gramineReleases.map((release) => [preset, release] as const)))(
    'for %s is valid for Gramine %s',
    async (preset, release) => {
      const { text, version } = await made(preset, release);
      const document = parseToml(text, 'm');
      expect(checkManifest(document, version, 'user')).toEqual([]);
      expect(checkRuntimeRules(document, version)).toEqual([]);
    },
  );

  test('has choices that are valid when their # goes', async () => {
    const { text, version } = await made('rust');
    const uncommented = text
      .replace(/^ {2}# (\{ type = "encrypted".*)$/gm, '  $1')
      .replace(/^# ((?:sgx|loader)\.[\w.]+ = .*)$/gm, (whole, line: string) =>
        line.includes('passthrough') ? whole : line,
      );
    const document = parseToml(uncommented, 'm');
    expect(checkManifest(document, version, 'user')).toEqual([]);
    expect(checkRuntimeRules(document, version)).toEqual([]);
    expect(valueAt(document.root, ['fs', 'mounts', 1, 'path'])).toBe('/quote"d\\');
    expect(valueAt(document.root, ['fs', 'mounts', 2, 'uri'])).toBe('file:/new\nline');
    expect(valueAt(document.root, ['sgx', 'allowed_files', 0])).toBe('file:/data');
    expect(valueAt(document.root, ['sgx', 'debug'])).toBe(true);
  });

  test('says what starts and why each value is there', async () => {
    const { text } = await made('java', '1.5');
    expect(text).toContain('# Starts /app as "/app" "two words" "new\\nline');
    expect(text).toMatch(/# .*reserved.*\nsgx\.enclave_size = "8G"\n/);
    expect(text).toContain('# Gramine 1.5 has no sgx.use_exinfo');
  });

  test('without a preset holds the defaults as comments', async () => {
    const { text } = await made('auto');
    expect(text).toContain('# sgx.enclave_size = "256M"');
    expect(parseToml(text, 'm').root.has('sgx')).toBe(false);
  });

  test('builds, with its values in the result', async () => {
    const { app, text } = await made('bash');
    const { image } = await graminizeApp(app, { manifest: text });
    expect((await manifestIn(image)).sgx.enclave_size).toBe('512M');
  });
});
