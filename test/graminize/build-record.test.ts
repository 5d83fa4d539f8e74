import { describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../src/base/digest.ts';
import { imagePath } from '../../src/base/image-path.ts';
import type { GraminizeOptions } from '../../src/graminize/build-options.ts';
import {
  manifestHash,
  optionsOfRecord,
  readBuildRecord,
  recordedOptions,
  writeBuildRecord,
} from '../../src/graminize/build-record.ts';
import { parseToml } from '../../src/manifest/toml/toml.ts';
import { appImage, staticProgram } from '../support/graminized/app-image.ts';
import { graminizeApp } from '../support/graminized/graminized.ts';

const digest = digestOf('layer');
const record = (options: GraminizeOptions) => ({
  base: [digest],
  config: digest,
  launch: {},
  options: recordedOptions(options),
});

const full: GraminizeOptions = {
  insecureArguments: true,
  libc: 'image',
  trust: ['/caf\u00c3\u00a9', '/\u00ff'],
  exclude: ['/b/*'],
  trustLevel: 'lean',
  epochSeconds: 5,
  choices: {
    volumes: [
      { path: imagePath('/v'), use: { kind: 'tmpfs' } },
      { path: imagePath('/w'), use: { kind: 'encrypted', keyName: 'k' } },
    ],
    secrets: [{ name: 's', path: imagePath('/run/secrets/s') }],
    environment: [
      { kind: 'value', name: 'A', value: '1' },
      { kind: 'passthrough', name: 'B' },
    ],
    hosts: [{ name: 'db', address: '10.0.0.1' }],
    files: [{ path: imagePath('/f'), mode: 0o755, content: Buffer.from('content') }],
    preset: 'auto',
    entrypoint: ['/a'],
    cmd: [],
    raTls: { certificate: imagePath('/c'), key: imagePath('/k'), format: 'der' },
    secretBrokers: { servers: ['h:1'], authorities: Buffer.from('pem') },
  },
};

describe('the record of a build', () => {
  test('gives back every option, with the contents of files that it names by their hash', () => {
    const text = writeBuildRecord(record(full));
    const contents = new Map(['content', 'pem'].map((each) => [hexOf(digestOf(each)), Buffer.from(each)]));
    const { options } = readBuildRecord(text, 'test');
    const again = optionsOfRecord(options, {
      contentOf: (sha256) => contents.get(sha256) ?? Buffer.alloc(0),
    });
    expect(again).toEqual(full);
  });

  test('of the defaults has no options, and the same options give the same text', () => {
    expect(recordedOptions({})).toEqual({});
    expect(
      recordedOptions({ libc: 'auto', trustLevel: 'full', trust: [], insecureArguments: false }),
    ).toEqual({});
    expect(writeBuildRecord(record(full))).toBe(writeBuildRecord(record(structuredClone(full))));
  });

  test('knows a manifest by its values', () => {
    const hashOf = (text: string) => manifestHash(parseToml(text, 'test'));
    expect(hashOf('sgx.debug = true # on')).toBe(hashOf('[sgx]\ndebug = true\n'));
    expect(hashOf('sgx.debug = true')).not.toBe(hashOf('sgx.debug = false'));
  });

  test.each([
    'text',
    '{}',
    '{"base":["sha256:1"],"config":"","launch":{},"options":{}}',
    `{"base":[],"config":"${digest}","launch":{"/a":"short"},"options":{}}`,
    `{"base":[],"config":"${digest}","launch":{"constructor":"short"},"options":{}}`,
    `{"base":[],"config":"${digest}","launch":{"__proto__":"short"},"options":{}}`,
    `{"base":[],"config":"${digest}","launch":{},"options":{"epochSeconds":9007199254740992}}`,
    `{"base":[],"config":"${digest}","launch":{},"options":{"trustLevel":"none"}}`,
    `{"base":[],"config":"${digest}","launch":{},"options":{"files":[{"path":"a/../b","mode":1,"sha256":"x"}]}}`,
  ])('%s is an image error', (text) => {
    expect(() => readBuildRecord(text, 'gsc.build')).toThrow(/gsc\.build: expected the record/);
  });

  test('lies in the image: its layers, what starts the enclave, and nothing that the manifest has', async () => {
    const app = await appImage([[staticProgram(), staticProgram('bin/sh')]], { Cmd: ['/app'] });
    const { image, manifest } = await graminizeApp(app);
    const { base, launch } = readBuildRecord(image.config.config?.Labels?.['gsc.build'] ?? '', 'test');
    expect(base).toEqual(app.layers.map(({ diffId }) => diffId));
    expect(Object.keys(launch)).toContain('/gramine/app_files/apploader.sh');
    expect(Object.keys(launch)).toContain('/gramine/runtime/sgx/loader');
    for (const path of Object.keys(launch)) expect(manifest.names.trusted.has(path), path).toBe(false);
  });
});
