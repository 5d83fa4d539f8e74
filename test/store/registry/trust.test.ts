import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { registrySettings } from '../../../src/store/registry/registry-options.ts';
import { trustFor } from '../../../src/store/registry/trust.ts';
import { atEnd } from '../../support/store/registry/fixture.ts';

const bare = { environment: {}, homeDirectory: '/dev/null/home', certificateDirectories: [] };

test.each([
  ['https://registry.test/', 'registry.test', false],
  ['https://registry.test/', 'registry.test:443', false],
  ['https://registry.test:443/', 'registry.test:443', false],
  ['https://registry.test:5000/', 'registry.test:5000', false],
  ['https://registry.test/', 'registry.test:5000', true],
  ['https://registry.test:5000/', 'registry.test', true],
  ['https://registry.test:5000/', 'registry.test:443', true],
])('%s with the insecure registry %s: verified is %s', async (url, insecure, isVerified) => {
  const settings = registrySettings({ ...bare, insecureRegistries: [insecure] });
  expect((await trustFor(new URL(url), settings)).rejectUnauthorized).toBe(isVerified);
});

test.each(['registry.test', 'registry.test:443'])(
  'the authorities of the directory %s count for https://registry.test',
  async (host) => {
    const directory = await mkdtemp(join(tmpdir(), 'gsc-trust-'));
    atEnd(() => rm(directory, { recursive: true }));
    await mkdir(join(directory, host));
    const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
    await writeFile(join(directory, host, 'ca.crt'), pem);
    const settings = registrySettings({ ...bare, certificateDirectories: [directory] });
    expect((await trustFor(new URL('https://registry.test/'), settings)).ca).toContain(pem);
    expect((await trustFor(new URL('https://registry.test:5000/'), settings)).ca).not.toContain(pem);
  },
);
